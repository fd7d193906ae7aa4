import { type HeartbeatRequest, RopewalkError } from "@ropewalk/protocol";

/*
 * What a member says of itself is replicated with its group and kept as long as it is a member: one that
 * says too much, or asks never to be forgotten, would harm the others.
 */

/** Characters of a member's or client's id. */
export const memberIdLengthMax = 249;
export const topicsPerMemberMax = 1000;
/** Partitions that one member reads. */
export const partitionsPerMemberMax = 100_000;
/** Half an hour, as Kafka's `group.max.session.timeout.ms`. */
export const sessionTimeoutMsMax = 1_800_000;

/** Throws INVALID_REQUEST where a heartbeat is beyond what a member may say. */
export function checkHeartbeat(request: HeartbeatRequest): void {
  const { clientId, memberId, owned, sessionTimeoutMs, topics } = request;
  if (memberId === "") throw invalid("a heartbeat needs a member id");
  const ownedCount = owned.reduce((sum, { partitions }) => sum + partitions.length, 0);
  atMost("characters of the member id", memberId.length, memberIdLengthMax);
  atMost("characters of the client id", clientId.length, memberIdLengthMax);
  atMost("topics", topics.length, topicsPerMemberMax);
  atMost("topics that are read", owned.length, topicsPerMemberMax);
  atMost("partitions that are read", ownedCount, partitionsPerMemberMax);
  atMost("milliseconds of the session timeout", sessionTimeoutMs, sessionTimeoutMsMax);
  if (sessionTimeoutMs < 0) throw invalid(`the session timeout ${sessionTimeoutMs} ms is negative`);
}

function atMost(what: string, value: number, max: number): void {
  if (value > max) throw invalid(`${what}: ${value}, more than ${max}`);
}

function invalid(why: string): RopewalkError {
  return new RopewalkError("INVALID_REQUEST", `Cannot take the heartbeat: ${why}`);
}
