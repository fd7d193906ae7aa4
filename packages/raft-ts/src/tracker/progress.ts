import { assert } from "../assert.ts";
import type { Inflights } from "./inflights.ts";

/**
 * How a peer is fed. `probe`: its log is being located, one append per heartbeat; `replicate`: appends
 * are sent ahead of acknowledgements; `snapshot`: nothing is sent until it has a snapshot.
 */
export type ProgressState = "probe" | "replicate" | "snapshot";

/**
 * What a leader knows of one peer.
 *
 * Invariants: `match < next`; entries in [match + 1, next) are on their way or lost; in state `probe`
 * at most one append is on its way.
 */
export class Progress {
  readonly id: number;
  /** Highest index known to be durable on the peer and equal to the leader's. */
  match = 0;
  /** The next index to send. */
  next: number;
  state: ProgressState = "probe";
  isLearner: boolean;
  /** Whether the peer was heard of since the leader last checked its quorum. */
  recentActive = false;
  /** Whether appends wait: for the answer to a probe, or for room in the in-flight window. */
  paused = false;
  /** Whether the entries this peer needs are being read from disk. */
  fetchPending = false;
  /** A learner that waits for admission: what it lacks is not read again for it until then. */
  heldBack = false;
  /** In state `snapshot`: the index of the snapshot on its way; else 0. */
  pendingSnapshot = 0;
  readonly inflights: Inflights;
  /** Highest commit index the peer will have learned once all messages arrive. */
  #sentCommit = 0;

  constructor(id: number, next: number, inflights: Inflights, isLearner: boolean) {
    this.id = id;
    this.next = next;
    this.inflights = inflights;
    this.isLearner = isLearner;
  }

  /** A copy whose role can be changed without touching this one; the in-flight window is shared. */
  clone(): Progress {
    const copy = new Progress(this.id, this.next, this.inflights, this.isLearner);
    copy.match = this.match;
    copy.state = this.state;
    copy.recentActive = this.recentActive;
    copy.paused = this.paused;
    copy.fetchPending = this.fetchPending;
    copy.heldBack = this.heldBack;
    copy.pendingSnapshot = this.pendingSnapshot;
    copy.#sentCommit = this.#sentCommit;
    return copy;
  }

  /** Starts over at the beginning of a leader's or follower's term. */
  reset(match: number, next: number): void {
    this.#enter("probe");
    this.match = match;
    this.next = next;
    this.recentActive = false;
    this.#sentCommit = 0;
  }

  #enter(state: ProgressState): void {
    this.state = state;
    this.paused = false;
    this.fetchPending = false;
    this.heldBack = false;
    this.pendingSnapshot = 0;
    this.inflights.reset();
  }

  /** After a snapshot the probe starts behind it, for the peer is expected to have it. */
  becomeProbe(): void {
    const next = Math.max(this.match + 1, this.pendingSnapshot + 1);
    this.#enter("probe");
    this.#setNext(next);
  }

  becomeReplicate(): void {
    this.#enter("replicate");
    this.next = this.match + 1;
  }

  becomeSnapshot(snapshotIndex: number): void {
    this.#enter("snapshot");
    this.pendingSnapshot = snapshotIndex;
    this.next = snapshotIndex + 1;
    this.#sentCommit = snapshotIndex;
  }

  /** Whether nothing may be sent now. */
  isPaused(): boolean {
    return this.state === "snapshot" || this.paused;
  }

  /** Notes an append of `count` entries that was just sent. */
  sent(count: number, bytes: number): void {
    assert(this.state !== "snapshot", "no append is sent to a peer that waits for a snapshot");
    if (this.state === "probe") {
      if (count > 0) this.paused = true;
      return;
    }
    if (count > 0) {
      this.next += count;
      this.inflights.add(this.next - 1, bytes);
    }
    this.paused = this.inflights.full;
  }

  /** Notes that the peer will learn of `commit`. */
  sentCommit(commit: number): void {
    this.#sentCommit = commit;
  }

  /** Whether an append without entries would tell the peer of a higher commit index it can use. */
  canBumpCommit(commit: number): boolean {
    return commit > this.#sentCommit && this.#sentCommit < this.next - 1;
  }

  /** Takes an acknowledgement of everything up to `index`; answers whether that was news. */
  maybeUpdate(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.paused = false;
    return true;
  }

  /**
   * Takes the refusal of the append that followed `rejectedIndex`; `hintIndex` is where the logs may
   * agree. Answers false for an answer that arrived late and says nothing new.
   */
  maybeDecrease(rejectedIndex: number, hintIndex: number): boolean {
    if (this.state === "replicate") {
      if (rejectedIndex <= this.match) return false;
      this.#setNext(this.match + 1);
      return true;
    }
    if (this.next - 1 !== rejectedIndex) return false;
    this.#setNext(Math.max(Math.min(rejectedIndex, hintIndex + 1), this.match + 1));
    this.paused = false;
    return true;
  }

  /** The peer's log may be shorter than thought, so a commit index beyond it was not learned. */
  #setNext(next: number): void {
    this.next = next;
    this.#sentCommit = Math.min(this.#sentCommit, next - 1);
  }
}
