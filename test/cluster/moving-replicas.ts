import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fetchService, type PartitionDescription, topicService } from "@ropewalk/protocol";
import { expect } from "vitest";
import { GrpcCaller } from "./grpc-caller.ts";
import { metricOf } from "./metric-of.ts";
import type { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { waitFor } from "./wait-for.ts";

/** The only topic of a cluster whose replicas move. */
export const topic = "stream";
export const partitionCount = 3;
const deadlineMs = 60_000;

/** Runs a command that must end well; answers what it printed. */
export async function run(bootstrapServers: readonly string[], ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await ropewalk(args, { bootstrapServers });
  expect({ args, status, stderr: status === 0 ? "" : stderr }).toEqual({
    args,
    status: 0,
    stderr: "",
  });
  return stdout.toString();
}

/** Makes the topic, with segments that are sealed soon. */
export async function createTopic(
  bootstrapServers: readonly string[],
  replicas: number,
): Promise<void> {
  const args = ["topic", "create", topic, "-p", String(partitionCount), "-r", String(replicas)];
  await run(bootstrapServers, ...args, "-c", "segment.ms=100");
}

/** The topic's partitions, as broker 1 knows them. */
export async function partitionsOf(
  cluster: ProcessCluster,
): Promise<readonly PartitionDescription[]> {
  using caller = new GrpcCaller(`127.0.0.1:${cluster.clientPort(1)}`);
  const answer = await caller.call(topicService.describeTopic, { name: topic });
  return answer.topic?.partitions ?? [];
}

/** A checksum of all that a replica serves of a partition, and where that ends. */
async function contentOf(port: number, partition: number): Promise<string> {
  using caller = new GrpcCaller(`127.0.0.1:${port}`);
  const hash = createHash("sha256");
  for (let offset = 0; ;) {
    const start = { at: { case: "offset", value: offset } } as const;
    const request = { topic, partition, start, anyReplica: true };
    const { highWatermark, nextOffset, recordBatches } = await caller.call(
      fetchService.fetch,
      request,
    );
    hash.update(recordBatches);
    if (nextOffset >= highWatermark) return `${nextOffset} ${hash.digest("hex")}`;
    offset = nextOffset;
  }
}

/** All replicas have the same bytes, and those of `recordCount` records together. */
export async function expectIdentical(cluster: ProcessCluster, recordCount: number): Promise<void> {
  let total = 0;
  for (const { partition, replicaIds } of await partitionsOf(cluster)) {
    let contents: string[] = [];
    await waitFor(
      `the replicas ${replicaIds.join(", ")} of partition ${partition} are the same`,
      deadlineMs,
      async () => {
        const reads = replicaIds.map((id) => contentOf(cluster.clientPort(id), partition));
        contents = await Promise.all(reads).catch((error: unknown) => [String(error), ""]);
        return new Set(contents).size === 1;
      },
    );
    total += Number(contents[0]?.split(" ")[0]);
  }
  expect(total).toBe(recordCount);
}

/** No broker holds replicas that it should not have, nor segments of them. */
export async function expectNothingLeft(cluster: ProcessCluster): Promise<void> {
  const partitions = await partitionsOf(cluster);
  for (const id of cluster.brokerIds) {
    const held = partitions.filter(({ replicaIds }) => replicaIds.includes(id));
    // Group ids are given out from 2 on; this is the first topic.
    const isStray = (name: string): boolean => {
      const groupId = Number(/^segment-(\d+)\./.exec(name)?.[1] ?? 0);
      return groupId > 1 && !held.some(({ partition }) => partition + 2 === groupId);
    };
    let [replicas, strays]: [number, readonly string[]] = [0, []];
    const wanted = `broker ${id} has ${held.length} replicas and no more`;
    const what = (): string => `${wanted}: it has ${replicas}, and stray ${strays.join(", ")}`;
    await waitFor(what, deadlineMs, async () => {
      replicas = await metricOf(cluster, id, "ropewalk_replicas");
      strays = readdirSync(join(cluster.dataDirectory(id), "log")).filter(isStray);
      return replicas === held.length && strays.length === 0;
    });
  }
}
