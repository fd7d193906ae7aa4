import { assignRanges, type Assignment } from "./range-assignor.ts";

/** A member of a consumer group. */
export interface Member {
  readonly memberId: string;
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly topics: readonly string[];
  /** What the assignor wants it to read. */
  readonly target: Assignment;
  /** What it may be reading: granted, and not yet known to be given up. */
  readonly granted: Assignment;
}

/** Who is in a group and who reads what. Immutable: every change makes a new one with a new epoch. */
export interface Membership {
  readonly groupId: string;
  readonly epoch: number;
  readonly members: ReadonlyMap<string, Member>;
}

/** What a member says of itself in a heartbeat. */
export interface MemberReport {
  readonly memberId: string;
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly topics: readonly string[];
  /** What it reads at present. */
  readonly owned: Assignment;
}

/** Partition counts of topics that exist. */
export type PartitionCounts = ReadonlyMap<string, number>;

const nothing: Assignment = new Map();

/** A group that nobody joined yet. */
export function emptyMembership(groupId: string): Membership {
  return { groupId, epoch: 0, members: new Map() };
}

/**
 * Takes a member's report in: it joins, or its subscription changes, or it gave partitions up. Answers
 * the same object where nothing changed.
 *
 * A partition is granted to a member only when it is in its target and no other member may be reading
 * it: a member keeps what it was granted until it reports that it stopped (the reconciliation of
 * KIP-848, with one epoch for the group).
 */
export function memberReported(
  membership: Membership,
  report: MemberReport,
  partitionCounts: PartitionCounts,
): Membership {
  const known = membership.members.get(report.memberId);
  const members = new Map(membership.members);
  members.set(report.memberId, {
    memberId: report.memberId,
    clientId: report.clientId,
    sessionTimeoutMs: report.sessionTimeoutMs,
    topics: report.topics,
    target: known?.target ?? nothing,
    // Who was taken out may not keep what it read in an earlier life: somebody else may have it now.
    granted: known === undefined ? nothing : givenUp(known, report.owned),
  });
  return settle(membership, members, partitionCounts);
}

/** Takes a member out; what it read is free for others. */
export function memberGone(
  membership: Membership,
  memberId: string,
  partitionCounts: PartitionCounts,
): Membership {
  if (!membership.members.has(memberId)) return membership;
  const members = new Map(membership.members);
  members.delete(memberId);
  return settle(membership, members, partitionCounts);
}

/** What the member is to read now: what it was granted and is still meant to have. */
export function assignmentOf(member: Member): Assignment {
  return intersect(member.granted, member.target);
}

/** Whether everybody reads exactly what the assignor wants. */
export function isStable(membership: Membership): boolean {
  for (const member of membership.members.values()) {
    if (!sameAssignment(member.granted, member.target)) return false;
  }
  return true;
}

/** Whether the member may commit offsets of the partition. */
export function isGranted(member: Member, topic: string, partition: number): boolean {
  return member.granted.get(topic)?.includes(partition) ?? false;
}

function settle(
  before: Membership,
  members: Map<string, Member>,
  partitionCounts: PartitionCounts,
): Membership {
  const targets = assignRanges([...members.values()], subscribed(members, partitionCounts));
  for (const [memberId, member] of members) {
    members.set(memberId, { ...member, target: targets.get(memberId) ?? nothing });
  }
  grantFree(members);
  const after = { ...before, members };
  return sameMembership(before, after) ? before : { ...after, epoch: before.epoch + 1 };
}

function subscribed(
  members: ReadonlyMap<string, Member>,
  partitionCounts: PartitionCounts,
): PartitionCounts {
  const topics = new Set([...members.values()].flatMap((member) => member.topics));
  return new Map([...partitionCounts].filter(([topic]) => topics.has(topic)));
}

/** Drops from what was granted what the member was to give up and no longer owns. */
function givenUp(member: Member, owned: Assignment): Assignment {
  const kept = new Map<string, number[]>();
  for (const [topic, partitions] of member.granted) {
    const still = partitions.filter(
      (p) => member.target.get(topic)?.includes(p) || owned.get(topic)?.includes(p),
    );
    if (still.length > 0) kept.set(topic, still);
  }
  return kept;
}

/** Grants every partition of a target that no member may be reading. */
function grantFree(members: Map<string, Member>): void {
  const taken = new Set<string>();
  for (const { granted } of members.values()) {
    for (const [topic, partitions] of granted)
      for (const p of partitions) taken.add(`${topic} ${p}`);
  }
  for (const [memberId, member] of members) {
    const granted = new Map(member.granted);
    for (const [topic, partitions] of member.target) {
      const free = partitions.filter((p) => !taken.has(`${topic} ${p}`));
      if (free.length === 0) continue;
      const all = [...(granted.get(topic) ?? []), ...free];
      granted.set(
        topic,
        all.toSorted((a, b) => a - b),
      );
    }
    members.set(memberId, { ...member, granted });
  }
}

function intersect(a: Assignment, b: Assignment): Assignment {
  const both = new Map<string, number[]>();
  for (const [topic, partitions] of a) {
    const common = partitions.filter((p) => b.get(topic)?.includes(p));
    if (common.length > 0) both.set(topic, common);
  }
  return both;
}

function sameMembership(a: Membership, b: Membership): boolean {
  if (a.members.size !== b.members.size) return false;
  for (const [memberId, member] of a.members) {
    const other = b.members.get(memberId);
    if (other === undefined || !sameMember(member, other)) return false;
  }
  return true;
}

function sameMember(a: Member, b: Member): boolean {
  return (
    a.clientId === b.clientId &&
    a.sessionTimeoutMs === b.sessionTimeoutMs &&
    a.topics.join(" ") === b.topics.join(" ") &&
    sameAssignment(a.target, b.target) &&
    sameAssignment(a.granted, b.granted)
  );
}

function sameAssignment(a: Assignment, b: Assignment): boolean {
  if (a.size !== b.size) return false;
  for (const [topic, partitions] of a) {
    if (b.get(topic)?.join() !== partitions.join()) return false;
  }
  return true;
}
