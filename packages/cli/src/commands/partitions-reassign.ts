import type { ReassignmentPlan, ReassignmentWish } from "@ropewalk/client";
import { Command } from "commander";

import { usageError } from "../cli-error.ts";
import { changeByAdmin, questions, withClient } from "../cluster-client.ts";
import { flagValue, integerFlag } from "../flag-value.ts";
import { type GlobalOptions, globalOptions } from "../global-options.ts";
import { awaitReassignments } from "../reassignment-progress.ts";
import { parseReplicas, parseThrottle } from "../replica-flags.ts";
import { formatTable } from "../table.ts";
import { printJson, printResult } from "../terminal.ts";

interface ReassignOptions {
  readonly topic?: readonly string[];
  readonly partition?: number;
  readonly replicas?: readonly number[];
  readonly auto?: boolean;
  readonly throttle?: number;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
}

const HELP = `
The first of the replicas is meant to lead. Another number of them than now changes the replication factor. What is
there goes on being written and read; a replica goes only when those that come have everything.

--auto moves what is at silent brokers or twice in a rack, then evens out replicas and leaders, with few moves.
A few partitions move at a time. The throttle is kept until it is set again; 0: without a bound.

Examples:
  ropewalk partitions reassign --topic orders --partition 0 --replicas 4,2,3
  ropewalk partitions reassign --auto --dry-run
  ropewalk partitions reassign --auto --throttle 50 --wait
  ropewalk partitions list-reassignments`;

/** `ropewalk partitions reassign` */
export function reassignCommand(): Command {
  return new Command("reassign")
    .description("move replicas to other brokers: those that are named, or as the cluster plans it")
    .option(
      "-t, --topic <topic>",
      "the topic; with --auto: one to plan for (may be repeated)",
      collect,
    )
    .option("-p, --partition <partition>", "the partition", integerFlag(0, 2 ** 31 - 1))
    .option(
      "-r, --replicas <id,…>",
      "the brokers that are to have a replica",
      flagValue(parseReplicas),
    )
    .option("--auto", "let the cluster make a plan")
    .option(
      "--throttle <MB/s>",
      "what each broker may give or take for moves, from now on",
      flagValue(parseThrottle),
    )
    .option("--dry-run", "say what would be moved, and move nothing")
    .option("--wait", "end when everything has moved, and tell how far it is")
    .addHelpText("after", HELP)
    .action(async (options: ReassignOptions, command: Command) => {
      const globals = globalOptions(command);
      const wish = wishOf(options);
      const [topic] = options.auto === true ? [] : (options.topic ?? []);
      const attempted = {
        action: "reassign partitions",
        ...(topic === undefined ? {} : { topic }),
      };
      const plan = await changeByAdmin(globals, attempted, (admin) =>
        admin.reassignPartitions(wish),
      );
      if (globals.format === "json") await printJson({ dryRun: wish.dryRun === true, ...plan });
      else await printResult(formatPlan(plan, wish.dryRun === true));
      if (options.wait === true && wish.dryRun !== true) await waitFor(globals, plan);
    });
}

function wishOf(options: ReassignOptions): ReassignmentWish {
  const { auto = false, dryRun, partition, replicas, throttle, topic = [] } = options;
  const rest = { dryRun, throttleBytesPerSecond: throttle };
  if (auto && (partition !== undefined || replicas !== undefined)) {
    throw usageError("--auto excludes --partition and --replicas: the cluster makes the plan");
  }
  if (auto) return { wanted: { auto: topic }, ...rest };
  const [name] = topic;
  if (name === undefined || topic.length > 1 || partition === undefined || replicas === undefined) {
    throw usageError("give --topic, --partition and --replicas, or --auto");
  }
  return { wanted: [{ topic: name, partition, replicaIds: replicas }], ...rest };
}

async function waitFor(globals: GlobalOptions, plan: ReassignmentPlan): Promise<void> {
  const attempted = { action: "wait for reassignments" };
  await withClient(globals, attempted, (client) =>
    awaitReassignments(questions(client), plan.reassignments),
  );
}

function formatPlan({ leftCount, reassignments }: ReassignmentPlan, dryRun: boolean): string {
  if (reassignments.length === 0) return "nothing to move\n";
  const rows = reassignments.map(({ partition, replicaIds, targetIds, topic }) => [
    topic,
    partition,
    replicaIds.join(","),
    targetIds.join(","),
  ]);
  const count = reassignments.length === 1 ? "1 partition" : `${reassignments.length} partitions`;
  const left = leftCount === 0 ? "" : `; ${leftCount} more are left for another call`;
  const told = dryRun ? `would move ${count}` : `moving ${count}`;
  return `${formatTable(["topic", "partition", "from", "to"], rows)}\n${told}${left}\n`;
}

function collect(text: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), text];
}
