import type { Admin, GroupDescription, GroupLag } from "@ropewalk/client";
import { RopewalkError } from "@ropewalk/protocol";

/**
 * A group with the ends of all its partitions: of those it has committed in, and of those its members
 * read without having committed. The coordinator leads only some of them, so their leaders are asked.
 */
export async function describeGroupLag(
  admin: Pick<Admin, "describeGroup" | "listOffsets">,
  groupId: string,
): Promise<GroupDescription> {
  const group = await admin.describeGroup(groupId);
  const lags = [...group.offsets, ...uncommitted(group)].toSorted(byPartition);
  const asked = new Set(lags.filter((lag) => lag.endOffset === null).map((lag) => lag.topic));
  const ends = new Map<string, number>();
  for (const topic of asked) await readEnds(admin, topic, ends);
  const offsets = lags.map((lag): GroupLag => {
    const endOffset = lag.endOffset ?? ends.get(`${lag.topic}/${lag.partition}`) ?? null;
    const isKnown = endOffset !== null && lag.committedOffset !== null;
    return {
      ...lag,
      endOffset,
      lag: isKnown ? Math.max(0, endOffset - lag.committedOffset) : null,
    };
  });
  return { ...group, offsets };
}

/** What members read, and the group has not committed in. */
function uncommitted({ offsets, members }: GroupDescription): GroupLag[] {
  const known = new Set(offsets.map(({ topic, partition }) => `${topic}/${partition}`));
  return members
    .flatMap((member) => member.assignment)
    .flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
    .filter(({ topic, partition }) => !known.has(`${topic}/${partition}`))
    .map((one) => ({ ...one, committedOffset: null, endOffset: null, lag: null }));
}

async function readEnds(
  admin: Pick<Admin, "listOffsets">,
  topic: string,
  ends: Map<string, number>,
): Promise<void> {
  try {
    for (const one of await admin.listOffsets(topic, "latest")) {
      ends.set(`${topic}/${one.partition}`, one.highWatermark);
    }
  } catch (error) {
    // The offsets of a deleted topic stay for a while; its end is not known, the others' are.
    if (!(error instanceof RopewalkError) || error.code !== "UNKNOWN_TOPIC_OR_PARTITION")
      throw error;
  }
}

function byPartition(one: GroupLag, other: GroupLag): number {
  if (one.topic !== other.topic) return one.topic < other.topic ? -1 : 1;
  return one.partition - other.partition;
}
