import {
  batchBaseSequence,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
} from "@ropewalk/protocol";

/** The part of a record batch's header that idempotence looks at. */
export interface SequencedBatch {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
}

/** What idempotence looks at in a batch that was validated. */
export function sequencedBatch(bytes: Uint8Array): SequencedBatch {
  return {
    producerId: batchProducerId(bytes),
    producerEpoch: batchProducerEpoch(bytes),
    baseSequence: batchBaseSequence(bytes),
    recordCount: batchRecordCount(bytes),
  };
}

/** What to do with a batch. `expected` is the sequence that would have been in order. */
export type SequenceVerdict =
  | { readonly kind: "accept" }
  | { readonly kind: "duplicate"; readonly baseOffset: number; readonly nextOffset: number }
  | { readonly kind: "outOfOrder"; readonly expected: number }
  | { readonly kind: "fenced"; readonly currentEpoch: number };

/** A batch that was written, as remembered for its duplicates. */
export interface WrittenBatch {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: number;
}

/** One producer's state in one partition. */
export interface ProducerState {
  readonly producerId: number;
  readonly epoch: number;
  /** The last batches, oldest first; at most {@link batchesRememberedMax}. */
  readonly batches: readonly WrittenBatch[];
}

/** How many batches of a producer may be in flight and still be told apart from new ones (Kafka's number). */
const batchesRememberedMax = 5;

/** Producers remembered per partition; the one that was silent longest goes first. */
export const producersRememberedMax = 10_000;

const sequenceCount = 2 ** 31;
const accept: SequenceVerdict = { kind: "accept" };

/**
 * Which batches of which idempotent producers one partition has: a function of the log's prefix, so
 * every replica has the same. The rules are Kafka's (KIP-98): the last five batches of a producer are
 * recognized, a new epoch starts at sequence 0, an unknown producer may start anywhere.
 *
 * A table with a `base` is an overlay: it sees the base through itself and never changes it. A leader
 * keeps what it appended but has not committed in one, and drops it with its leadership.
 */
export class ProducerTable {
  readonly #base: ProducerTable | undefined;
  readonly #producers = new Map<number, ProducerState>();

  constructor(base?: ProducerTable) {
    this.#base = base;
  }

  /** How the batch relates to what was written; only for batches with a producer id. */
  check(batch: SequencedBatch): SequenceVerdict {
    const state = this.find(batch.producerId);
    if (state === undefined) return accept;
    if (batch.producerEpoch < state.epoch) return { kind: "fenced", currentEpoch: state.epoch };
    if (batch.producerEpoch > state.epoch) {
      return batch.baseSequence === 0 ? accept : { kind: "outOfOrder", expected: 0 };
    }
    return checkSequence(state, batch);
  }

  /** Remembers a batch that was written at `baseOffset`. */
  record(batch: SequencedBatch, baseOffset: number): void {
    const known = this.find(batch.producerId);
    const earlier = known?.epoch === batch.producerEpoch ? known.batches : [];
    const written: WrittenBatch = {
      firstSequence: batch.baseSequence,
      lastSequence: sequenceAfter(batch.baseSequence, batch.recordCount - 1),
      baseOffset,
    };
    this.#producers.delete(batch.producerId); // Moves it to the end: the order is that of last use.
    this.#producers.set(batch.producerId, {
      producerId: batch.producerId,
      epoch: batch.producerEpoch,
      batches: [...earlier.slice(1 - batchesRememberedMax), written],
    });
    if (this.#producers.size > producersRememberedMax) this.#forgetOldest();
  }

  /** All producers, the longest silent first. */
  producers(): Iterable<ProducerState> {
    return this.#producers.values();
  }

  /** Puts back what `producers` gave out. */
  restore(producers: Iterable<ProducerState>): void {
    for (const state of producers) this.#producers.set(state.producerId, state);
  }

  clear(): void {
    this.#producers.clear();
  }

  /** What is known of a producer, here or below. */
  find(producerId: number): ProducerState | undefined {
    return this.#producers.get(producerId) ?? this.#base?.find(producerId);
  }

  #forgetOldest(): void {
    const oldest = this.#producers.keys().next();
    if (!oldest.done) this.#producers.delete(oldest.value);
  }
}

function checkSequence(state: ProducerState, batch: SequencedBatch): SequenceVerdict {
  const lastSequence = sequenceAfter(batch.baseSequence, batch.recordCount - 1);
  for (const written of state.batches) {
    if (written.firstSequence === batch.baseSequence && written.lastSequence === lastSequence) {
      return {
        kind: "duplicate",
        baseOffset: written.baseOffset,
        nextOffset: written.baseOffset + batch.recordCount,
      };
    }
  }
  const last = state.batches.at(-1);
  const expected = last === undefined ? 0 : sequenceAfter(last.lastSequence, 1);
  return batch.baseSequence === expected ? accept : { kind: "outOfOrder", expected };
}

/** Sequences run from 0 to 2^31 − 1 and start over. */
function sequenceAfter(sequence: number, count: number): number {
  return (sequence + count) % sequenceCount;
}
