import { type CommitOffsetsRequest, RopewalkError } from "@ropewalk/protocol";
import { isGranted, type Membership } from "./group-membership.ts";

const offsetMetadataCharsMax = 4096;

/** Throws where a membership does not let the one who asks commit these partitions. */
export function expectMayCommit(
  { groupId, memberId, offsets }: CommitOffsetsRequest,
  membership: Membership,
): void {
  const member = membership.members.get(memberId);
  const action = actionOn(groupId);
  if (memberId === "" && membership.members.size > 0) {
    throw new RopewalkError("UNKNOWN_MEMBER_ID", `Cannot ${action} from outside: it has members`);
  }
  if (memberId !== "" && member === undefined) {
    throw new RopewalkError("UNKNOWN_MEMBER_ID", `Cannot ${action}: ${memberId} is not in it`);
  }
  for (const { partition, topic } of offsets) {
    if (member === undefined || isGranted(member, topic, partition)) continue;
    throw new RopewalkError(
      "FENCED_MEMBER_EPOCH",
      `Cannot ${action}: ${memberId} does not read ${topic}-${partition} any more`,
    );
  }
}

/** Throws where offsets are none, or of partitions that are not there. */
export function expectOffsets(
  { groupId, offsets }: CommitOffsetsRequest,
  partitionCountOf: (topic: string) => number,
): void {
  const action = actionOn(groupId);
  for (const { metadata, offset, partition, topic } of offsets) {
    const name = `${topic}-${partition}`;
    if (offset < 0 || metadata.length > offsetMetadataCharsMax) {
      throw new RopewalkError(
        "INVALID_REQUEST",
        `Cannot ${action}: offset ${offset} of ${name} is not valid`,
      );
    }
    if (partition < 0 || partition >= partitionCountOf(topic)) {
      throw new RopewalkError(
        "UNKNOWN_TOPIC_OR_PARTITION",
        `Cannot ${action}: ${name} does not exist`,
      );
    }
  }
}

function actionOn(groupId: string): string {
  return `commit offsets of group ${groupId}`;
}
