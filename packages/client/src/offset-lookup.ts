import { fetchService } from "@ropewalk/protocol";
import type { ClusterConnection } from "./cluster-connection.ts";
import { LeaderCalls } from "./leader-calls.ts";
import { type OffsetPosition, startPositionOf } from "./start-position.ts";

/** Where a partition begins and ends. */
export interface PartitionOffsets {
  readonly partition: number;
  /** The offset that was asked for. */
  readonly offset: number;
  /** The offset after the last committed record. */
  readonly highWatermark: number;
  readonly logStartOffset: number;
}

/** Which offsets are looked up. */
export interface OffsetQuestion {
  readonly topic: string;
  readonly partitions: Iterable<number>;
  readonly at: OffsetPosition;
  readonly timeoutMs: number;
}

/** The offsets by partition. Rejects with the last failure when time is up. */
export async function lookUpOffsets(
  cluster: ClusterConnection,
  { at, partitions, timeoutMs, topic }: OffsetQuestion,
): Promise<PartitionOffsets[]> {
  const action = `Cannot read offsets of topic ${topic}`;
  const position = startPositionOf(at);
  const calls = new LeaderCalls(cluster, {
    action,
    topic,
    partitions,
    timeoutMs,
    retry: "any",
    ask: async (brokerId, led, leftMs) => {
      const request = { topic, partitions: led, at: position };
      const options = { action, timeoutMs: leftMs };
      const method = fetchService.listOffsets;
      return (await cluster.callBroker(brokerId, method, request, options)).offsets;
    },
  });
  return (await calls.run()).map(({ partition, offset, highWatermark, logStartOffset }) => ({
    partition,
    offset,
    highWatermark,
    logStartOffset,
  }));
}
