import {
  keepsConsumerGroups,
  type ObservedMembership,
  observedMembership,
  type ObservedReplica,
  type RaftObserver,
} from "@ropewalk/broker";
import { groupName } from "@ropewalk/log";
import type { Anomaly } from "./anomaly.ts";

/** What a member asks a coordinator to commit; an empty member id: somebody outside of the group. */
export interface AskedCommit {
  readonly groupId: string;
  readonly memberId: string;
  readonly offsets: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
  }[];
}

/** A commit that is not answered yet, and the memberships since it came. */
interface OpenCommit {
  readonly asked: AskedCommit;
  readonly memberships: ObservedMembership[];
}

/**
 * Sees all replicas that keep consumer groups, and all commits that brokers answer. Only a member that a partition is granted
 * to commits its offsets (KIP-848): another one, which may have lost it long ago, would take the group back, or ahead of
 * records that nobody was given. Others may apply what a coordinator decides by before it does, whose disk is slow: it holds a commit against what it
 * has proposed, too, so that what any replica has applied while the commit was open is what it may have been held against.
 */
export class GroupWatch {
  readonly #report: (anomaly: Anomaly) => void;
  readonly #memberships = new Map<string, ObservedMembership>();
  /** By Raft group: the last entry that some replica applied. */
  readonly #appliedIndexes = new Map<string, number>();
  readonly #open = new Set<OpenCommit>();

  constructor(report: (anomaly: Anomaly) => void) {
    this.#report = report;
  }

  /** An observer of one process of a broker that passes everything on to another one. */
  observe(next: RaftObserver): RaftObserver {
    const keepers = new Set<ObservedReplica>();
    return {
      ...next,
      added: (replica) => {
        if (keepsConsumerGroups(replica.takeImage())) keepers.add(replica);
        next.added(replica);
      },
      removed: (replica) => {
        keepers.delete(replica);
        next.removed(replica);
      },
      stepped: (replica, step) => {
        if (keepers.has(replica)) this.#stepped(groupName(replica.key), step.committedEntries);
        next.stepped(replica, step);
      },
    };
  }

  /** A membership was proposed behind all that came before, and some replica applies it. */
  applied(membership: ObservedMembership): void {
    const { epoch, groupId } = membership;
    // One that was made of what is not there any more has no effect.
    if (epoch !== (this.#memberships.get(groupId)?.epoch ?? 0) + 1) return;
    this.#memberships.set(groupId, membership);
    for (const { asked, memberships } of this.#open) {
      if (asked.groupId === groupId) memberships.push(membership);
    }
  }

  /** Somebody asks a broker for a commit; to be called with whether it was acknowledged, once that is known. */
  asked(asked: AskedCommit): (isAcknowledged: boolean) => void {
    const present = this.#memberships.get(asked.groupId);
    const open: OpenCommit = { asked, memberships: present === undefined ? [] : [present] };
    this.#open.add(open);
    return (isAcknowledged) => {
      this.#open.delete(open);
      if (isAcknowledged) this.#judge(open);
    };
  }

  #stepped(
    name: string,
    entries: Parameters<RaftObserver["stepped"]>[1]["committedEntries"],
  ): void {
    for (const entry of entries) {
      if (entry.index <= (this.#appliedIndexes.get(name) ?? 0)) continue;
      this.#appliedIndexes.set(name, entry.index);
      const membership = observedMembership(entry);
      if (membership !== undefined) this.applied(membership);
    }
  }

  #judge({ asked, memberships }: OpenCommit): void {
    const { groupId, memberId, offsets } = asked;
    for (const { offset, partition, topic } of offsets) {
      if (memberships.some((membership) => mayCommit(membership, memberId, topic, partition)))
        continue;
      if (memberId === "" && memberships.length === 0) continue;
      const who = memberId === "" ? "somebody outside" : `member ${memberId}`;
      const detail = `${who} of group ${groupId} committed ${topic}-${partition}:${offset}, which is granted to ${ownersOf(memberships, topic, partition)}`;
      this.#report({ kind: "commit of another's", detail });
    }
  }
}

/** Where a group has no members, anybody may say where it is. */
function mayCommit(
  { granted }: ObservedMembership,
  memberId: string,
  topic: string,
  partition: number,
): boolean {
  if (memberId === "") return granted.size === 0;
  return granted.get(memberId)?.get(topic)?.includes(partition) === true;
}

function ownersOf(
  memberships: readonly ObservedMembership[],
  topic: string,
  partition: number,
): string {
  const owners = memberships.flatMap((membership) =>
    [...membership.granted.keys()].filter((id) => mayCommit(membership, id, topic, partition)),
  );
  return owners.length === 0 ? "nobody" : [...new Set(owners)].join(", ");
}
