import { RopewalkError, topicService } from "@ropewalk/protocol";
import type { ClusterConnection } from "./cluster-connection.ts";
import { LeaderCalls } from "./leader-calls.ts";

/** Which records of a topic are deleted: in each of these partitions those below the offset. */
export interface RecordDeletion {
  readonly topic: string;
  /** "latest": all that are committed when the leader is asked. A partition stands in it once. */
  readonly offsets: readonly { readonly partition: number; readonly offset: number | "latest" }[];
}

/** Where a partition begins. */
export interface PartitionStart {
  readonly partition: number;
  /** The first offset that can be read. */
  readonly logStartOffset: number;
}

/** What stands for the end of the partition in a request. */
const endOffset = -1;

/** Where the partitions begin afterwards. Those that were done stay so where another one fails. */
export async function deleteRecords(
  cluster: ClusterConnection,
  { offsets, topic }: RecordDeletion,
  timeoutMs: number,
): Promise<PartitionStart[]> {
  const action = `Cannot delete records of topic ${topic}`;
  const wanted = new Map(offsets.map(({ partition, offset }) => [partition, offset]));
  expectSound(action, offsets, wanted.size);
  const calls = new LeaderCalls(cluster, {
    action,
    topic,
    partitions: wanted.keys(),
    timeoutMs,
    // The same offset twice is the same as once. The end is another one the next time.
    retry: offsets.some(({ offset }) => offset === "latest") ? "definite" : "any",
    ask: async (brokerId, led, leftMs) => {
      const request = { topic, offsets: led.map((partition) => offsetOf(partition, wanted)) };
      const options = { action, timeoutMs: leftMs };
      const method = topicService.deleteRecords;
      return (await cluster.callBroker(brokerId, method, request, options)).starts;
    },
  });
  return (await calls.run()).map(({ partition, logStartOffset }) => ({
    partition,
    logStartOffset,
  }));
}

/** The wire has -1 for the end: a number must not become it by mistake. */
function expectSound(action: string, offsets: RecordDeletion["offsets"], count: number): void {
  const wrong = offsets.find(
    ({ offset }) => offset !== "latest" && !(Number.isSafeInteger(offset) && offset >= 0),
  );
  if (wrong !== undefined) {
    const message = `${action}: ${wrong.offset} is not an offset`;
    throw new RopewalkError("OFFSET_OUT_OF_RANGE", message);
  }
  if (count === offsets.length) return;
  throw new RopewalkError("INVALID_REQUEST", `${action}: a partition is named twice`);
}

function offsetOf(
  partition: number,
  wanted: ReadonlyMap<number, number | "latest">,
): { partition: number; offset: number } {
  const offset = wanted.get(partition) ?? 0; // Everything that is asked for is in it.
  return { partition, offset: offset === "latest" ? endOffset : offset };
}
