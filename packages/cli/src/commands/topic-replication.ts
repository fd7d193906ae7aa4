import type { ReplicationFactorPlan } from "@ropewalk/client";

import { changeByAdmin, questions, withClient } from "../cluster-client.ts";
import type { GlobalOptions } from "../global-options.ts";
import { awaitReassignments } from "../reassignment-progress.ts";
import { formatTable } from "../table.ts";
import { printJson, printResult } from "../terminal.ts";

/** What the flags of `topic alter` say about replicas. */
export interface ReplicationFlags {
  readonly replicationFactor: number;
  readonly throttle?: number;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
}

/** Gives a topic another number of replicas, or has that checked, and prints what changes. */
export async function alterReplicationFactor(
  globals: GlobalOptions,
  topic: string,
  flags: ReplicationFlags,
): Promise<void> {
  const { dryRun = false, replicationFactor, throttle, wait = false } = flags;
  const attempted = { action: `give topic ${topic} ${replicationFactor} replicas`, topic };
  const plan = await changeByAdmin(globals, attempted, (admin) =>
    admin.alterReplicationFactor(topic, replicationFactor, {
      dryRun,
      throttleBytesPerSecond: throttle,
    }),
  );
  if (globals.format === "json") await printJson({ topic, replicationFactor, dryRun, ...plan });
  else await printResult(formatPlan(topic, flags, plan));
  if (dryRun || !wait) return;
  await withClient(globals, { action: "wait for replicas", topic }, async (client) => {
    const { reassignments } = await questions(client).listReassignments(topic);
    await awaitReassignments(questions(client), reassignments);
  });
}

function formatPlan(
  topic: string,
  { dryRun = false, replicationFactor }: ReplicationFlags,
  { changedCount, reassignments }: ReplicationFactorPlan,
): string {
  const count = changedCount === 1 ? "1 partition" : `${changedCount} partitions`;
  const wanted = `${replicationFactor} ${replicationFactor === 1 ? "replica" : "replicas"}`;
  if (changedCount === 0) return `every partition of topic ${topic} has ${wanted} already\n`;
  const rows = reassignments.map(({ partition, replicaIds, targetIds }) => [
    partition,
    replicaIds.join(","),
    targetIds.join(","),
  ]);
  const unnamed = changedCount - reassignments.length;
  const rest = unnamed === 0 ? "" : `${unnamed} more are not shown\n`;
  const told = dryRun ? `would give ${count} ${wanted}` : `giving ${count} ${wanted}`;
  return `${formatTable(["partition", "from", "to"], rows)}${rest}\n${told}\n`;
}
