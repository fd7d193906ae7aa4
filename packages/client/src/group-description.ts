import type { DescribeGroupResponse, GroupMember, GroupState } from "@ropewalk/protocol";

/** How far a group is in one partition. */
export interface GroupLag {
  readonly topic: string;
  readonly partition: number;
  /** The next record to read; null: none committed. */
  readonly committedOffset: number | null;
  /** The offset after the last record; null: not known. */
  readonly endOffset: number | null;
  /** Records that are not read yet; null: not known. */
  readonly lag: number | null;
}

/** A consumer group, its members and how far it is. */
export interface GroupDescription {
  readonly groupId: string;
  readonly state: GroupState;
  readonly groupEpoch: number;
  readonly coordinatorId: number;
  readonly members: readonly GroupMember[];
  readonly offsets: readonly GroupLag[];
}

/**
 * The description in a coordinator's answer. `endOf` knows the ends of partitions that the coordinator does
 * not know.
 */
export function groupDescriptionOf(
  message: DescribeGroupResponse,
  endOf: (topic: string, partition: number) => number | undefined,
): GroupDescription {
  const offsets = message.offsets.map(({ topic, partition, committedOffset, highWatermark }) => {
    const committed = committedOffset < 0 ? null : committedOffset;
    const end = highWatermark < 0 ? (endOf(topic, partition) ?? null) : highWatermark;
    const lag = committed === null || end === null ? null : Math.max(0, end - committed);
    return { topic, partition, committedOffset: committed, endOffset: end, lag };
  });
  return { ...message, offsets };
}
