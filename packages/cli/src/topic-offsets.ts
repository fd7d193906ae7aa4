import type { RopewalkClient, TopicDescription } from "@ropewalk/client";
import { RopewalkError } from "@ropewalk/protocol";

/** A partition with where it begins and ends; `null` where its leader did not say. */
export type PartitionWithOffsets = TopicDescription["partitions"][number] & {
  readonly startOffset: number | null;
  readonly endOffset: number | null;
};

/** Offsets are an extra: a leader that is away must not keep the rest waiting. */
const offsetsTimeoutMs = 1000;

/** The partitions of a topic with the offsets that their leaders know; those of an internal topic have none. */
export async function withOffsets(
  client: Pick<RopewalkClient, "admin">,
  { internal, name, partitions }: TopicDescription,
): Promise<PartitionWithOffsets[]> {
  const led = partitions.filter(({ leaderId }) => leaderId !== 0 && !internal);
  const numbers = led.map(({ partition }) => partition);
  const known = new Map<number, { startOffset: number; endOffset: number }>();
  try {
    const admin = client.admin({ timeoutMs: offsetsTimeoutMs });
    const offsets = numbers.length === 0 ? [] : await admin.listOffsets(name, "earliest", numbers);
    for (const { highWatermark, logStartOffset, partition } of offsets) {
      known.set(partition, { startOffset: logStartOffset, endOffset: highWatermark });
    }
  } catch (error) {
    if (!(error instanceof RopewalkError)) throw error;
  }
  const unknown = { startOffset: null, endOffset: null };
  return partitions.map((each) => ({ ...each, ...(known.get(each.partition) ?? unknown) }));
}
