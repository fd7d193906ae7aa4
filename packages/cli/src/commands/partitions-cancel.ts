import { Command } from "commander";

import { usageError } from "../cli-error.ts";
import { changeByAdmin } from "../cluster-client.ts";
import { integerFlag } from "../flag-value.ts";
import { globalOptions } from "../global-options.ts";
import { formatTable } from "../table.ts";
import { printJson, printResult } from "../terminal.ts";

interface CancelOptions {
  readonly topic?: string;
  readonly partition?: number;
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

const HELP = `
The partitions go back to the replicas that they had; what was copied is removed.

Examples:
  ropewalk partitions cancel --topic orders --partition 0
  ropewalk partitions cancel --all --dry-run`;

/** `ropewalk partitions cancel` */
export function cancelCommand(): Command {
  return new Command("cancel")
    .description("give moves up: partitions go back to where they were")
    .option("-t, --topic <topic>", "the topic")
    .option("-p, --partition <partition>", "the partition", integerFlag(0, 2 ** 31 - 1))
    .option("--all", "everything that moves or waits")
    .option("--dry-run", "say what would go back, and change nothing")
    .addHelpText("after", HELP)
    .action(async (options: CancelOptions, command: Command) => {
      const globals = globalOptions(command);
      const { dryRun = false } = options;
      const partitions = partitionsOf(options);
      const cancelled = await changeByAdmin(globals, { action: "cancel reassignments" }, (admin) =>
        admin.cancelReassignments({ partitions, dryRun }),
      );
      if (globals.format === "json") return printJson({ dryRun, partitions: cancelled });
      if (cancelled.length === 0) return printResult("nothing moves\n");
      const rows = cancelled.map((each) => [each.topic, each.partition, each.replicaIds.join(",")]);
      const told = dryRun ? "would go back" : "going back";
      await printResult(`${formatTable(["topic", "partition", "back to"], rows)}\n${told}\n`);
    });
}

function partitionsOf({
  all = false,
  partition,
  topic,
}: CancelOptions): "all" | readonly { readonly topic: string; readonly partition: number }[] {
  if (all && topic === undefined && partition === undefined) return "all";
  if (!all && topic !== undefined && partition !== undefined) return [{ topic, partition }];
  throw usageError("give --topic and --partition, or --all");
}
