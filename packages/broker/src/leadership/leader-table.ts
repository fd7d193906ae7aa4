import type { Leadership } from "../raft/state-machine.ts";

/** Who leads a group, in which term. */
export interface LeaderEntry {
  readonly leaderId: number;
  readonly term: number;
}

/**
 * Who leads which group, as far as this broker has heard: from its own replicas, and from other
 * brokers about groups it has no replica of. It is a hint for clients; the leader itself decides.
 */
export class LeaderTable {
  readonly #leaders = new Map<number, LeaderEntry>();

  get(groupId: number): LeaderEntry | undefined {
    return this.#leaders.get(groupId);
  }

  /** Somebody leads the group; news of an older term is no news. */
  leads(groupId: number, leaderId: number, term: number): void {
    const known = this.#leaders.get(groupId);
    if (known === undefined || known.term <= term) this.#leaders.set(groupId, { leaderId, term });
  }

  /** What a replica on this broker knows. A leader that is not leading yet counts as none. */
  follow(groupId: number, leadership: Leadership, brokerId: number): void {
    const { term } = leadership;
    if (leadership.kind === "leading") this.leads(groupId, brokerId, term);
    else if (leadership.leaderId !== 0 && leadership.leaderId !== brokerId) {
      this.leads(groupId, leadership.leaderId, term);
    } else if (this.#isOutdated(groupId, term, brokerId)) this.forget(groupId);
  }

  /** A leader that hears no majority steps down within its term: nobody knows better than itself. */
  #isOutdated(groupId: number, term: number, brokerId: number): boolean {
    const known = this.get(groupId);
    if (known === undefined) return false;
    return known.term < term || (known.leaderId === brokerId && known.term === term);
  }

  forget(groupId: number): void {
    this.#leaders.delete(groupId);
  }
}
