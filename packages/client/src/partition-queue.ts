import assert from "node:assert/strict";
import type { RopewalkError } from "@ropewalk/protocol";
import { BatchLine } from "./batch-line.ts";

/** Who writes: an id that the cluster gives out once, and its epoch. */
export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** What a queue needs to know of a batch, and what it writes into it. */
export interface QueuedBatch {
  readonly recordCount: number;
  readonly createdAtMs: number;
  /** Position among the batches of the partition; given by `push`, never changed. */
  order: number;
  /** Whose sequence `baseSequence` belongs to; `undefined` before it has one, and without idempotence. */
  identity: ProducerIdentity | undefined;
  baseSequence: number;
  /** An attempt ended without an answer that says it is not in the log. */
  mayBeInLog: boolean;
}

/**
 * What becomes of a batch whose attempt failed: it is sent again as it is, it is certainly not in the
 * log and gets a new sequence first, or it failed for good.
 */
export type Verdict = "resend" | "renumber" | "final";

/** Batches of one producer that a broker remembers per partition: more must not be unanswered at a time. */
export const batchesInFlightMax = 5;

const sequenceCount = 2 ** 31;

/**
 * The closed batches of one partition, in order, and the sequence numbers that keep each of them from
 * being written twice. Decides what may be sent next; sends nothing itself.
 *
 * A batch gets its sequence when it is taken for the first time and keeps it through every resend, so
 * that a broker which has it already answers with the first write's offsets. After a failure nothing is
 * sent before everything in flight was answered; then the batches go again in their order.
 *
 * A batch that fails for good leaves a hole in the sequence, and the broker refuses what lies behind it.
 * The identity is then *spent*: batches that were sent under it keep going under it until each is
 * answered. Either they are in the log, or the refusal proves that they are not yet; only then do they get a
 * new sequence under a later epoch, which keeps copies that are still on their way out of the log. So not even a
 * batch whose outcome is unknown makes a duplicate.
 *
 * Without idempotence there are neither identities nor sequences: the order is kept, duplicates are not
 * prevented.
 */
export class PartitionQueue<Batch extends QueuedBatch> {
  readonly #idempotent: boolean;
  readonly #fresh = new BatchLine<Batch>();
  #again: Batch[] = [];
  #inFlight: Batch[] = [];
  #orders = 0;
  #identity: ProducerIdentity | undefined;
  #nextSequence = 0;
  // A broker takes any first sequence of a producer it does not know. Were batch 1 refused and batch 2
  // taken as the first, batch 1 could never be written; so the first batch travels alone.
  #identityKnownToBroker = false;
  #identitySpent = false;
  #recovering = false;

  constructor(options: { readonly idempotent: boolean }) {
    this.#idempotent = options.idempotent;
  }

  get inFlightCount(): number {
    return this.#inFlight.length;
  }

  /** Batches that are here, in whatever state. */
  get batchCount(): number {
    return this.#fresh.length + this.#again.length + this.#inFlight.length;
  }

  /** Nothing waits here, and a batch that is pushed now would be taken at once. */
  get isHungry(): boolean {
    return this.#fresh.length === 0 && this.#again.length === 0 && this.#maySendFresh();
  }

  /** Whether an identity must be adopted before fresh batches can go. */
  get needsIdentity(): boolean {
    if (!this.#idempotent) return false;
    if (this.#identity === undefined) return true;
    return this.#identitySpent && this.#inFlight.length === 0 && this.#again.length === 0;
  }

  /** The identity that it has, spent or not. */
  get identity(): ProducerIdentity | undefined {
    return this.#identity;
  }

  /** Gives the queue an identity of its own making, whose sequence starts at 0. */
  adoptIdentity(identity: ProducerIdentity): void {
    assert(this.needsIdentity, "an identity is replaced only once nothing is left of the old one");
    this.#identity = identity;
    this.#nextSequence = 0;
    this.#identityKnownToBroker = false;
    this.#identitySpent = false;
  }

  /** Adds a closed batch at the end. */
  push(batch: Batch): void {
    batch.order = this.#orders++;
    this.#fresh.push(batch);
  }

  /** The batch that is to be sent next, now or later. */
  peek(): Batch | undefined {
    return this.#again[0] ?? this.#fresh.first;
  }

  /** The next batch to send, which counts as in flight from now on; `undefined` when nothing may go now. */
  take(): Batch | undefined {
    if (!this.#maySend()) return undefined;
    this.#recovering = false;
    const batch = this.#again.shift() ?? this.#takeFresh();
    if (batch !== undefined) this.#inFlight.push(batch);
    return batch;
  }

  #maySend(): boolean {
    if (this.#recovering && this.#inFlight.length > 0) return false;
    const countMax = !this.#idempotent || this.#identityKnownToBroker ? batchesInFlightMax : 1;
    return this.#inFlight.length < countMax;
  }

  #maySendFresh(): boolean {
    if (this.#idempotent && (this.#identity === undefined || this.#identitySpent)) return false;
    return this.#maySend() && this.#isRemembered();
  }

  // Not how many are unanswered counts, but how far the oldest of them lies behind. Say batch 1 is in the log,
  // but its ack was lost, and its resend is refused for a while. Were batches 2 to 6 acknowledged meanwhile,
  // the broker would have forgotten batch 1 and would take the next resend for one that never came in order.
  #isRemembered(): boolean {
    const oldest = Math.min(
      this.#again[0]?.order ?? Infinity,
      this.#inFlight[0]?.order ?? Infinity,
    );
    const next = this.#fresh.first?.order ?? this.#orders;
    return oldest === Infinity || next - oldest < batchesInFlightMax;
  }

  #takeFresh(): Batch | undefined {
    if (!this.#maySendFresh()) return undefined;
    const batch = this.#fresh.shift();
    if (batch === undefined || this.#identity === undefined) return batch;
    batch.identity = this.#identity;
    batch.baseSequence = this.#nextSequence;
    this.#nextSequence = (this.#nextSequence + batch.recordCount) % sequenceCount;
    return batch;
  }

  /** The batch is in the log. */
  succeeded(batch: Batch): void {
    removeFrom(this.#inFlight, batch);
    if (batch.identity === this.#identity) this.#identityKnownToBroker = true;
  }

  /** The broker refused the batch; the batch stays here unless the verdict is "final". */
  failed(batch: Batch, error: RopewalkError): Verdict {
    removeFrom(this.#inFlight, batch);
    if (error.outcome === "indefinite") batch.mayBeInLog = true;
    const verdict = this.#judge(batch, error);
    if (verdict === "final") {
      this.#leaveHole(batch);
    } else if (verdict === "resend") {
      this.#recovering = true;
      insertInOrder(this.#again, batch);
    } else {
      batch.identity = undefined;
      this.#fresh.insert(batch);
    }
    return verdict;
  }

  #judge(batch: Batch, error: RopewalkError): Verdict {
    if (batch.identity === undefined || error.code !== "OUT_OF_ORDER_SEQUENCE_NUMBER") {
      return error.retriable ? "resend" : "final";
    }
    // The broker looked for the batch among what this producer wrote, and did not find it.
    batch.mayBeInLog = false;
    // Refused only because an earlier batch is not there yet?
    if (this.#hasSentBefore(batch)) return "resend";
    return this.#identitySpent ? "renumber" : "final";
  }

  #hasSentBefore(batch: Batch): boolean {
    const isEarlier = (other: Batch): boolean => other.order < batch.order;
    return this.#again.some(isEarlier) || this.#inFlight.some(isEarlier);
  }

  /** The stream broke: whether what was in flight is in the log is unknown. All of it goes again. */
  broken(): void {
    for (const batch of this.#inFlight) {
      batch.mayBeInLog = true;
      insertInOrder(this.#again, batch);
    }
    this.#inFlight = [];
  }

  /** Takes out the batches that were created at `cutoffMs` or before. */
  expire(cutoffMs: number): Batch[] {
    const isOld = (batch: Batch): boolean => batch.createdAtMs <= cutoffMs;
    const unanswered = this.#inFlight.filter(isOld);
    for (const batch of unanswered) batch.mayBeInLog = true;
    const sent = [...unanswered, ...this.#again.filter(isOld)];
    const expired = [...sent, ...this.#fresh.takeOld(cutoffMs)];
    if (expired.length === 0) return expired;
    const isYoung = (batch: Batch): boolean => !isOld(batch);
    this.#inFlight = this.#inFlight.filter(isYoung);
    this.#again = this.#again.filter(isYoung);
    for (const batch of sent.toReversed()) this.#leaveHole(batch);
    return expired;
  }

  #leaveHole(batch: Batch): void {
    if (batch.identity === undefined || batch.identity !== this.#identity) return;
    const after = (batch.baseSequence + batch.recordCount) % sequenceCount;
    // The last one, and certainly not in the log: its numbers are free again, and there is no hole.
    if (after === this.#nextSequence && !batch.mayBeInLog) this.#nextSequence = batch.baseSequence;
    else this.#identitySpent = true;
  }
}

function removeFrom<Batch>(batches: Batch[], batch: Batch): void {
  if (batches[0] === batch) {
    batches.shift();
    return;
  }
  const at = batches.indexOf(batch);
  assert(at >= 0, "only a batch that is in flight is answered");
  batches.splice(at, 1);
}

function insertInOrder<Batch extends QueuedBatch>(batches: Batch[], batch: Batch): void {
  let at = batches.length;
  while (at > 0 && (batches[at - 1]?.order ?? -1) > batch.order) at--;
  batches.splice(at, 0, batch);
}
