import { type LogEntry, LogError } from "@ropewalk/log";
import {
  batchBaseOffset,
  batchBaseSequence,
  batchFaultError,
  batchNextOffset,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  readRecords,
  RopewalkError,
  validateBatch,
} from "@ropewalk/protocol";
import type { Clock, KeyValueChange } from "@ropewalk/runtime";
import type {
  Acknowledgement,
  AppendCallback,
  PartitionLog,
  Principal,
  ReadResult,
  StartPosition,
} from "../ports.ts";
import { isRecordBatch } from "../raft/command-entry.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { Leadership, StateMachine } from "../raft/state-machine.ts";
import { encodePartitionCheckpoint, type PartitionCheckpoint } from "./partition-checkpoint.ts";
import { PendingAppend, unknownOutcome } from "./pending-append.ts";
import { ProducerTable, type SequencedBatch } from "./producer-table.ts";
import { RecordWaiters } from "./record-waiters.ts";

/** How a replica is made. */
export interface PartitionReplicaOptions {
  readonly topic: string;
  readonly partition: number;
  readonly clock: Clock;
  readonly batchBytesMax: number;
  /** What was kept beside the log; `undefined`: everything is applied anew. */
  readonly checkpoint: PartitionCheckpoint | undefined;
  readonly checkpointKey: string;
  /** Stored bytes are not what was written. */
  readonly damaged: (error: unknown) => void;
  readonly leadershipChanged: (replica: PartitionReplica, leadership: Leadership) => void;
}

/** Entries applied between two checkpoints: what a restart applies again at most. */
const entriesPerCheckpoint = 4096;

/**
 * One replica of a partition: what the committed batches amount to (the high watermark, the producers'
 * sequences), and, at the leader, the way in and out for records.
 */
export class PartitionReplica implements StateMachine, PartitionLog {
  readonly topic: string;
  readonly partition: number;
  readonly restoredIndex: number;
  readonly #options: PartitionReplicaOptions;
  readonly #producers = new ProducerTable();
  /** What this leader appended and has not committed yet lies over what is committed. */
  readonly #appended = new ProducerTable(this.#producers);
  readonly #waiters: RecordWaiters;
  #group: RaftGroup | undefined;
  #appendsInFlight = 0;
  #highWatermark = 0;
  #appliedIndex: number;
  #checkpointedIndex: number;

  constructor(options: PartitionReplicaOptions) {
    this.topic = options.topic;
    this.partition = options.partition;
    this.#options = options;
    this.#waiters = new RecordWaiters(options.clock);
    this.restoredIndex = options.checkpoint?.appliedIndex ?? 0;
    this.#appliedIndex = this.restoredIndex;
    this.#checkpointedIndex = this.restoredIndex;
    this.#producers.restore(options.checkpoint?.producers ?? []);
  }

  /** Ties the replica to its group; once, before anything else. */
  attach(group: RaftGroup): void {
    this.#group = group;
    this.#highWatermark = group.log.offsetAfter(this.restoredIndex);
  }

  get name(): string {
    return `${this.topic}-${this.partition}`;
  }

  apply(entry: LogEntry, nextOffset: number): void {
    this.#appliedIndex = entry.index;
    if (!isRecordBatch(entry)) return;
    const batch = sequencedBatch(entry.data);
    if (batch.producerId >= 0) this.#producers.record(batch, batchBaseOffset(entry.data));
    this.#highWatermark = nextOffset;
    this.#waiters.advance(nextOffset);
  }

  leadershipChanged(leadership: Leadership): void {
    this.#appended.clear();
    this.#appendsInFlight = 0;
    if (leadership.kind === "following") this.#waiters.wakeAll();
    this.#options.leadershipChanged(this, leadership);
  }

  takeChanges(): readonly KeyValueChange[] {
    if (this.#appliedIndex - this.#checkpointedIndex < entriesPerCheckpoint) return [];
    return this.takeCheckpoint();
  }

  /** The same, however little there is: for a clean stop. */
  takeCheckpoint(): readonly KeyValueChange[] {
    if (this.#appliedIndex === this.#checkpointedIndex) return [];
    this.#checkpointedIndex = this.#appliedIndex;
    const value = encodePartitionCheckpoint({
      appliedIndex: this.#appliedIndex,
      producers: this.#producers.producers(),
    });
    return [{ key: this.#options.checkpointKey, value }];
  }

  append(
    _principal: Principal,
    bytes: Uint8Array,
    acks: Acknowledgement,
    done: AppendCallback,
  ): void {
    const group = this.#group;
    if (group?.leadership.kind !== "leading") {
      done(this.#notLeading("append to"));
      return;
    }
    const fault = validateBatch(bytes, { batchBytesMax: this.#options.batchBytesMax });
    if (fault !== undefined) {
      done(batchFaultError(fault));
      return;
    }
    const batch = sequencedBatch(bytes);
    if (batch.producerId >= 0) this.#appendSequenced(group, bytes, batch, acks, done);
    else this.#propose(group, bytes, batch, acks, done);
  }

  highWatermark(): number {
    return this.#highWatermark;
  }

  startOffset(): number {
    return this.#leading("read").log.startOffset();
  }

  resolve(start: StartPosition): number | Promise<number> {
    const group = this.#leading("read");
    switch (start.kind) {
      case "earliest":
        return group.log.startOffset();
      case "latest":
        return this.#highWatermark;
      case "offset":
        this.#checkRange(group, start.offset);
        return start.offset;
      case "timestamp":
        return this.#findTimestamp(group, start.timestampMs);
    }
  }

  read(_principal: Principal, offset: number, bytesMax: number): ReadResult | Promise<ReadResult> {
    const group = this.#leading("read");
    this.#checkRange(group, offset);
    if (offset === this.#highWatermark) return { batches: [], nextOffset: offset };
    const batches = group.log.read(offset, this.#highWatermark, bytesMax);
    return batches instanceof Promise
      ? batches.then(
          (read) => readResult(read, offset),
          (error: unknown) => this.#readFailed(error),
        )
      : readResult(batches, offset);
  }

  awaitRecords(offset: number, listener: () => void): () => void {
    const cancel = this.#waiters.add(offset, listener);
    if (this.#group?.leadership.kind !== "leading") this.#waiters.wakeAll();
    else if (offset < this.#highWatermark) this.#waiters.advance(this.#highWatermark);
    return cancel;
  }

  #appendSequenced(
    group: RaftGroup,
    bytes: Uint8Array,
    batch: SequencedBatch,
    acks: Acknowledgement,
    done: AppendCallback,
  ): void {
    const verdict = this.#appended.check(batch);
    const producer = `producer ${batch.producerId} (epoch ${batch.producerEpoch})`;
    switch (verdict.kind) {
      case "accept":
        this.#propose(group, bytes, batch, acks, done);
        return;
      case "duplicate":
        this.#answerDuplicate(verdict.baseOffset, verdict.nextOffset, done);
        return;
      case "outOfOrder":
        done(
          new RopewalkError(
            "OUT_OF_ORDER_SEQUENCE_NUMBER",
            `Cannot append to ${this.name}: ${producer} sent sequence ${batch.baseSequence}, expected ${verdict.expected}`,
          ),
        );
        return;
      case "fenced":
        done(
          new RopewalkError(
            "INVALID_PRODUCER_EPOCH",
            `Cannot append to ${this.name}: ${producer} was replaced by epoch ${verdict.currentEpoch}`,
          ),
        );
    }
  }

  #propose(
    group: RaftGroup,
    bytes: Uint8Array,
    batch: SequencedBatch,
    acks: Acknowledgement,
    done: AppendCallback,
  ): void {
    const pending = new PendingAppend(this.name, acks, batch.recordCount, done, this.#settled);
    const proposed = group.propose(bytes, batch.recordCount, pending);
    if (proposed.kind === "appended") {
      pending.appendedAt(proposed.baseOffset);
      this.#appendsInFlight += 1;
      if (batch.producerId >= 0) this.#appended.record(batch, proposed.baseOffset);
    } else if (proposed.kind === "busy") {
      done(
        new RopewalkError(
          "BUSY",
          `Cannot append to ${this.name}: too much waits for a majority of its replicas`,
        ),
      );
    } else {
      done(this.#notLeading("append to"));
    }
  }

  readonly #settled = (): void => {
    this.#appendsInFlight -= 1;
    if (this.#appendsInFlight === 0) this.#appended.clear(); // All of it is in the table below.
  };

  /** A duplicate of a batch that is itself on its way is answered when that one is committed. */
  #answerDuplicate(baseOffset: number, nextOffset: number, done: AppendCallback): void {
    if (nextOffset <= this.#highWatermark) {
      done({ baseOffset, nextOffset, duplicate: true });
      return;
    }
    this.awaitRecords(nextOffset - 1, () => {
      if (nextOffset <= this.#highWatermark) done({ baseOffset, nextOffset, duplicate: true });
      else done(unknownOutcome(this.name)); // The first one may still be committed.
    });
  }

  async #findTimestamp(group: RaftGroup, timestampMs: number): Promise<number> {
    const highWatermark = this.#highWatermark;
    const found = await group.log.findTimestamp(timestampMs, highWatermark);
    if (found === undefined) return highWatermark;
    const [batch] = await group.log.read(found.batchBaseOffset, highWatermark, 1);
    for (const record of batch === undefined ? [] : readRecords(batch)) {
      if (record.timestampMs >= timestampMs) return record.offset;
    }
    return highWatermark;
  }

  /** Damage takes this replica out, so that another one answers; what else failed is the reader's to know. */
  #readFailed(error: unknown): never {
    if (!(error instanceof LogError) || error.reason !== "DATA_DAMAGED") throw error;
    this.#options.damaged(error);
    throw error;
  }

  #leading(action: string): RaftGroup {
    const group = this.#group;
    if (group?.leadership.kind !== "leading") throw this.#notLeading(action);
    return group;
  }

  #notLeading(action: string): RopewalkError {
    const leaderId = this.#group?.leaderId ?? 0;
    const hint = leaderId === 0 ? "no leader is known" : `its leader is broker ${leaderId}`;
    return new RopewalkError(
      "NOT_LEADER",
      `Cannot ${action} ${this.name} here: ${hint}`,
      leaderId === 0 ? {} : { leaderId },
    );
  }

  #checkRange(group: RaftGroup, offset: number): void {
    const startOffset = group.log.startOffset();
    if (offset >= startOffset && offset <= this.#highWatermark) return;
    throw new RopewalkError(
      "OFFSET_OUT_OF_RANGE",
      `Cannot read ${this.name} at offset ${offset}: it has offsets ${startOffset} to ${this.#highWatermark}`,
    );
  }
}

function sequencedBatch(bytes: Uint8Array): SequencedBatch {
  return {
    producerId: batchProducerId(bytes),
    producerEpoch: batchProducerEpoch(bytes),
    baseSequence: batchBaseSequence(bytes),
    recordCount: batchRecordCount(bytes),
  };
}

function readResult(batches: readonly Uint8Array[], offset: number): ReadResult {
  const last = batches.at(-1);
  return { batches, nextOffset: last === undefined ? offset : batchNextOffset(last) };
}
