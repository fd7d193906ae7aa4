import type { Admin, TopicDescription } from "@ropewalk/client";
import { Command } from "commander";

import { usageError } from "../cli-error.ts";
import { changeByAdmin } from "../cluster-client.ts";
import { integerFlag } from "../flag-value.ts";
import { globalOptions } from "../global-options.ts";
import { formatTable } from "../table.ts";
import { printJson, printResult } from "../terminal.ts";

/** The most partitions that can be asked for; the broker has a bound of its own. */
const PARTITIONS_MAX = 10_000;

interface AddPartitionsFlags {
  readonly num?: number;
  readonly partitions?: number;
  readonly dryRun?: boolean;
}

/** A topic with the partitions that it was given, or would be. */
interface Growth {
  readonly topic: string;
  readonly dryRun: boolean;
  readonly partitionCount: number;
  readonly added: TopicDescription["partitions"];
}

/** `ropewalk topic add-partitions` */
export function addPartitionsCommand(): Command {
  return new Command("add-partitions")
    .description("add partitions to a topic while it is used")
    .argument("<name>", "the topic")
    .option("-n, --num <count>", "how many to add", integerFlag(1, PARTITIONS_MAX))
    .option(
      "-p, --partitions <count>",
      "how many the topic is to have then, instead",
      integerFlag(1, PARTITIONS_MAX),
    )
    .option("--dry-run", "have the cluster check it, and change nothing")
    .addHelpText(
      "after",
      `
Records stay where they are; new ones with the same key may go to another partition than old ones.
Partitions cannot be taken away again.

Example:
  ropewalk topic add-partitions orders --num 3 --dry-run`,
    )
    .action(async (name: string, flags: AddPartitionsFlags, command: Command) => {
      const globals = globalOptions(command);
      if ((flags.num === undefined) === (flags.partitions === undefined)) {
        throw usageError("say how many: --num to add, or --partitions in all, one of them");
      }
      const attempted = { action: `add partitions to topic ${name}`, topic: name };
      const growth = await changeByAdmin(globals, attempted, (admin) => grow(admin, name, flags));
      if (globals.format === "json") return printJson(growth);
      await printResult(formatGrowth(growth));
    });
}

async function grow(admin: Admin, topic: string, flags: AddPartitionsFlags): Promise<Growth> {
  const { dryRun = false, num, partitions } = flags;
  const before = (await admin.describeTopic(topic)).partitions.length;
  const partitionCount = partitions ?? before + (num ?? 0);
  const grown = await admin.createPartitions(topic, partitionCount, { validateOnly: dryRun });
  const added = grown.partitions.filter(({ partition }) => partition >= before);
  return { topic, dryRun, partitionCount: grown.partitions.length, added };
}

function formatGrowth({ added, dryRun, partitionCount, topic }: Growth): string {
  const done = dryRun
    ? `would add ${added.length} partitions to topic ${topic}; it would have ${partitionCount}`
    : `added ${added.length} partitions to topic ${topic}; it has ${partitionCount}`;
  const rows = added.map(({ partition, replicaIds }) => [partition, replicaIds.join(",")]);
  return `${done}\n\n${formatTable(["partition", "replicas"], rows)}`;
}
