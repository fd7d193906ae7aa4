import type { ConfState } from "./conf-state.ts";
import { jointCommittedIndex } from "./quorum/joint.ts";
import type { AckedIndexes } from "./quorum/majority.ts";
import type { Message } from "./message.ts";

/** A read that may be served once everything up to `index` is applied. */
export interface ReadState {
  readonly index: number;
  /** What the caller gave with its request. */
  readonly context: number;
}

/** The shared empty list of reads. */
export const NO_READ_STATES: readonly ReadState[] = [];

/** A read that waits until the leader knows that it still leads. */
export interface PendingRead {
  readonly request: Message;
  /** The commit index when the request came: the least the read must see. */
  readonly index: number;
  /** The leader's own number of this read, which travels with heartbeats. */
  readonly sequence: number;
}

/**
 * The reads a leader has not confirmed yet, in order.
 *
 * Heartbeats carry the leader's own, strictly increasing number and never the caller's: if a caller
 * reused a number, an answer to an old heartbeat would confirm a read that came after the leader was
 * deposed. Because an answer to one number also confirms all smaller ones, an acknowledged number is
 * just like an acknowledged index, and the quorum rule for commits applies.
 */
export class ReadOnlyQueue implements AckedIndexes {
  readonly #selfId: number;
  readonly #acked = new Map<number, number>();
  #pending: PendingRead[] = [];
  /** Never goes back, not even across terms. */
  #lastSequence = 0;

  constructor(selfId: number) {
    this.#selfId = selfId;
  }

  get count(): number {
    return this.#pending.length;
  }

  /** The newest number that waits for confirmation, 0 when none does. */
  get lastPendingSequence(): number {
    return this.#pending.at(-1)?.sequence ?? 0;
  }

  /** Enqueues a read and answers its number. */
  add(request: Message, index: number): number {
    this.#lastSequence++;
    this.#pending.push({ request, index, sequence: this.#lastSequence });
    return this.#lastSequence;
  }

  /** Notes that `id` still followed this leader when heartbeat `sequence` reached it. */
  acknowledge(id: number, sequence: number): void {
    if (sequence > (this.#acked.get(id) ?? 0)) this.#acked.set(id, sequence);
  }

  ackedIndex(id: number): number | undefined {
    return id === this.#selfId ? this.#lastSequence : this.#acked.get(id);
  }

  /** Takes out the reads that a quorum of `config` has confirmed, oldest first. */
  takeConfirmed(config: ConfState): readonly PendingRead[] {
    const confirmed = jointCommittedIndex(config, this);
    let count = 0;
    for (const read of this.#pending) {
      if (read.sequence > confirmed) break;
      count++;
    }
    return count === 0 ? NO_READS : this.#pending.splice(0, count);
  }

  /** Drops everything: whoever leads next cannot answer for this term. */
  clear(): void {
    if (this.#pending.length > 0) this.#pending = [];
    this.#acked.clear();
  }
}

const NO_READS: readonly PendingRead[] = [];
