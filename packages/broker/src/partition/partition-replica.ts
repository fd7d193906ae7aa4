import { type GroupLog, type LogEntry, LogError } from "@ropewalk/log";
import {
  batchBaseOffset,
  batchNextOffset,
  RopewalkError,
  stampAppendTime,
} from "@ropewalk/protocol";
import { type Clock, DiskError, type KeyValueChange, type Logger } from "@ropewalk/runtime";
import type { TopicConfig } from "../controller/topic-config.ts";
import {
  type Acknowledgement,
  allRecords,
  type AppendCallback,
  type PartitionLog,
  type Patience,
  type Principal,
  type ReadResult,
  type StartPosition,
} from "../ports.ts";
import { bareCommandOf, encodeBareCommand, isRecordBatch } from "../raft/command-entry.ts";
import { isDamage } from "../raft/group-storage.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { StateImage } from "../raft/state-image.ts";
import type { Leadership, StateMachine } from "../raft/state-machine.ts";
import { settledWithin } from "../settled-within.ts";
import { acceptanceFault } from "./batch-acceptance.ts";
import { ConfirmedRefusals } from "./confirmed-refusals.ts";
import { encodePartitionCheckpoint, type PartitionCheckpoint } from "./partition-checkpoint.ts";
import { decodePartitionCommand, encodePartitionCommand } from "./partition-command.ts";
import { busyError, lateCutError, unknownCutError } from "./partition-error.ts";
import { PendingAppend, unknownOutcome } from "./pending-append.ts";
import { ProducerTable, type SequencedBatch, sequencedBatch } from "./producer-table.ts";
import { RecordWaiters } from "./record-waiters.ts";
import { retentionPolicy, retentionStartOffset, type SegmentView } from "./retention.ts";
import { searchTimestamp } from "./timestamp-search.ts";

/** A command without effect: where the partition begins never goes back. */
const noChange = encodeBareCommand(
  encodePartitionCommand({ kind: "startOffsetAdvanced", offset: 0 }),
);

/** How a replica is made. */
export interface PartitionReplicaOptions {
  readonly topic: string;
  readonly partition: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The topic's configs as they are now; `configure` brings later ones. */
  readonly config: TopicConfig;
  /** What was kept beside the log; `undefined`: everything is applied anew. */
  readonly checkpoint: PartitionCheckpoint | undefined;
  readonly checkpointKey: string;
  /** Entries applied between two checkpoints: what a restart applies again at most. */
  readonly entriesPerCheckpoint: number;
  /** The segments of the partition's log, oldest first. */
  readonly segments: () => readonly SegmentView[];
  /** The partition begins here from now on; the same may be said again. */
  readonly historyCut: (startOffset: number) => void;
  /** The disk has no room for records. */
  readonly isDiskFull: () => boolean;
  /** Stored bytes are not what was written. */
  readonly damaged: (error: unknown) => void;
  readonly leadershipChanged: (replica: PartitionReplica, leadership: Leadership) => void;
}

/** Whether a reader wants the leader, or is content with any replica; see `FollowedPartition`. */
export type ReadSource = "leader" | "replica";

/**
 * One replica of a partition: what the committed entries amount to (where it begins, the high watermark, the
 * producers' sequences), and, at the leader, the way in and out for records.
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
  readonly #refusals = new ConfirmedRefusals(
    (listener) => this.#group?.proposeBare(noChange, listener).kind ?? "notLeading",
  );
  #config: TopicConfig;
  #group: RaftGroup | undefined;
  #appendsInFlight = 0;
  /** Derived from what was applied, never from the log, which may hold more than that, or less. */
  #startOffset: number;
  #highWatermark: number;
  #appliedIndex: number;
  #checkpointedIndex: number;

  constructor(options: PartitionReplicaOptions) {
    this.topic = options.topic;
    this.partition = options.partition;
    this.#options = options;
    this.#config = options.config;
    this.#waiters = new RecordWaiters(options.clock);
    this.restoredIndex = options.checkpoint?.appliedIndex ?? 0;
    this.#startOffset = options.checkpoint?.startOffset ?? 0;
    this.#highWatermark = options.checkpoint?.nextOffset ?? 0;
    this.#appliedIndex = this.restoredIndex;
    this.#checkpointedIndex = this.restoredIndex;
    this.#producers.restore(options.checkpoint?.producers ?? []);
  }

  /** Ties the replica to its group; once, before anything else. */
  attach(group: RaftGroup): void {
    this.#group = group;
    // The process may have ended between an advance and what the log does about it.
    if (this.#startOffset > 0) this.#options.historyCut(this.#startOffset);
  }

  get config(): TopicConfig {
    return this.#config;
  }

  /** What comes from now on is held to this; what is on its way was accepted before. */
  configure(config: TopicConfig): void {
    this.#config = config;
  }

  get name(): string {
    return `${this.topic}-${this.partition}`;
  }

  apply(entry: LogEntry): void {
    this.#appliedIndex = entry.index;
    if (isRecordBatch(entry)) this.#applyBatch(entry.data);
    else this.#applyCommand(entry);
  }

  leadershipChanged(leadership: Leadership): void {
    this.#appended.clear();
    this.#appendsInFlight = 0;
    // Those who read from a follower look again, too, and wait on where it has found another leader.
    if (leadership.kind === "following") this.#waiters.wakeAll();
    this.#options.leadershipChanged(this, leadership);
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  takeImage(): StateImage {
    const { checkpointKey } = this.#options;
    const prefixes = [`${checkpointKey}/`]; // There are none: the one key is simply written over.
    return { prefixes, pairs: [[checkpointKey, this.#encodeCheckpoint()]] };
  }

  takeChanges(): readonly KeyValueChange[] {
    const appliedCount = this.#appliedIndex - this.#checkpointedIndex;
    if (appliedCount < this.#options.entriesPerCheckpoint) return [];
    return this.takeCheckpoint();
  }

  /** The same, however little there is: for a clean stop. */
  takeCheckpoint(): readonly KeyValueChange[] {
    if (this.#appliedIndex === this.#checkpointedIndex) return [];
    this.#checkpointedIndex = this.#appliedIndex;
    return [{ key: this.#options.checkpointKey, value: this.#encodeCheckpoint() }];
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
    if (this.#options.isDiskFull()) {
      done(
        new RopewalkError("BUSY", `Cannot append to ${this.name}: the disk of its leader is full`),
      );
      return;
    }
    const fault = acceptanceFault(this.name, bytes, this.#config, this.#options.clock);
    if (fault !== undefined) {
      done(fault);
      return;
    }
    const batch = sequencedBatch(bytes);
    if (batch.producerId >= 0) this.#appendSequenced(group, bytes, batch, acks, done);
    else this.#propose(group, bytes, batch, acks, done);
  }

  highWatermark(): number {
    return this.#highWatermark;
  }

  startOffset(from: ReadSource = "leader"): number {
    this.#readable(from);
    return this.#startOffset;
  }

  deleteRecords(
    _principal: Principal,
    offset: number,
    { timeoutMs }: Patience = {},
  ): Promise<number> {
    const deleted = Promise.try(() => {
      const action = "delete records of";
      const group = this.#leading(action);
      const { compact, delete: deletes } = this.#config.cleanup;
      if (compact && !deletes) {
        throw new RopewalkError(
          "POLICY_VIOLATION",
          `Cannot ${action} ${this.name}: its topic keeps the last record of every key (cleanup.policy=compact)`,
        );
      }
      const isInRange = offset === allRecords || (offset >= 0 && offset <= this.#highWatermark);
      if (!isInRange) throw this.#outOfRange(`${action} ${this.name} before`, offset);
      const startOffset = offset === allRecords ? this.#highWatermark : offset;
      return this.#advanceStart(group, startOffset);
    });
    const late = (): RopewalkError => lateCutError(this.name, timeoutMs);
    return settledWithin(this.#options.clock, timeoutMs, deleted, late);
  }

  /**
   * Lets go what the topic's retention keeps no longer, where this broker leads. Resolves with the new start
   * offset, `undefined` where nothing is to go.
   */
  cutExpired(nowMs: number): Promise<number | undefined> {
    const group = this.#group;
    const policy = retentionPolicy(this.#config);
    if (group?.leadership.kind !== "leading" || policy === undefined) {
      return Promise.resolve(undefined);
    }
    const moment = { nowMs, highWatermark: this.#highWatermark };
    const startOffset = retentionStartOffset(this.#options.segments(), policy, moment);
    if (startOffset === undefined || startOffset <= this.#startOffset) {
      return Promise.resolve(undefined);
    }
    return this.#advanceStart(group, startOffset);
  }

  resolve(start: StartPosition, from: ReadSource = "leader"): number | Promise<number> {
    const group = this.#readable(from);
    switch (start.kind) {
      case "earliest":
        return this.#startOffset;
      case "latest":
        return this.#highWatermark;
      case "offset":
        this.#checkRange(start.offset, from);
        return start.offset;
      case "timestamp":
        return this.#findTimestamp(group, start.timestampMs);
    }
  }

  read(
    _principal: Principal,
    offset: number,
    bytesMax: number,
    from: ReadSource = "leader",
  ): ReadResult | Promise<ReadResult> {
    const group = this.#readable(from);
    this.#checkRange(offset, from);
    const highWatermark = this.#highWatermark;
    if (offset === highWatermark) return { batches: [], nextOffset: offset };
    const batches = group.log.read(offset, highWatermark, bytesMax);
    return batches instanceof Promise
      ? batches.then(
          (read) => readResult(group.log, read, highWatermark),
          (error: unknown) => {
            this.#checkRange(offset, from); // Retention may have been faster.
            throw this.#readFailure(error);
          },
        )
      : readResult(group.log, batches, highWatermark);
  }

  awaitRecords(offset: number, listener: () => void, from: ReadSource = "leader"): () => void {
    const cancel = this.#waiters.add(offset, listener);
    if (!this.#isReadable(from)) this.#waiters.wakeAll();
    else if (offset < this.#highWatermark) this.#waiters.advance(this.#highWatermark);
    return cancel;
  }

  #encodeCheckpoint(): Uint8Array {
    return encodePartitionCheckpoint({
      appliedIndex: this.#appliedIndex,
      startOffset: this.#startOffset,
      nextOffset: this.#highWatermark,
      producers: this.#producers.producers(),
    });
  }

  #applyBatch(data: Uint8Array): void {
    const batch = sequencedBatch(data);
    if (batch.producerId >= 0) this.#producers.record(batch, batchBaseOffset(data));
    this.#highWatermark = batchNextOffset(data);
    this.#waiters.advance(this.#highWatermark);
  }

  #applyCommand(entry: LogEntry): void {
    const bytes = bareCommandOf(entry);
    if (bytes === undefined) return; // An election or a membership change.
    const command = decodePartitionCommand(bytes);
    if (command === undefined) {
      this.#options.logger.warn("a partition command of an unknown kind was passed over", {
        partition: this.name,
        index: entry.index,
      });
      return;
    }
    // The same on every replica: the watermark is that of this entry.
    const startOffset = Math.min(command.offset, this.#highWatermark);
    if (startOffset <= this.#startOffset) return;
    this.#startOffset = startOffset;
    this.#options.historyCut(startOffset);
  }

  /** Resolves with the start offset once the advance is applied here. */
  #advanceStart(group: RaftGroup, offset: number): Promise<number> {
    if (offset <= this.#startOffset) return Promise.resolve(this.#startOffset);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const action = "delete records of";
    const command = encodePartitionCommand({ kind: "startOffsetAdvanced", offset });
    const proposed = group.proposeBare(encodeBareCommand(command), {
      committed: () => resolve(this.#startOffset),
      failed: (reason) =>
        reject(reason === "lost" ? this.#notLeading(action) : unknownCutError(this.name)),
    });
    if (proposed.kind === "notLeading") reject(this.#notLeading(action));
    else if (proposed.kind === "busy") reject(busyError(this.name, action));
    return promise;
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
      case "outOfOrder": {
        const sequences = `sent sequence ${batch.baseSequence}, expected ${verdict.expected}`;
        const message = `Cannot append to ${this.name}: ${producer} ${sequences}`;
        this.#refusals.confirm((standing) => {
          if (standing === "leads")
            done(new RopewalkError("OUT_OF_ORDER_SEQUENCE_NUMBER", message));
          else if (standing === "busy") done(busyError(this.name, "append to"));
          else done(this.#notLeading("append to"));
        });
        return;
      }
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
    if (this.#config.isAppendTime) stampAppendTime(bytes, this.#options.clock.wallMs());
    const pending = new PendingAppend(this.name, acks, batch.recordCount, done, this.#settled);
    const proposed = group.propose(bytes, batch.recordCount, pending);
    if (proposed.kind === "appended") {
      pending.appendedAt(proposed.baseOffset);
      this.#appendsInFlight += 1;
      if (batch.producerId >= 0) this.#appended.record(batch, proposed.baseOffset);
    } else if (proposed.kind === "busy") {
      done(busyError(this.name, "append to"));
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

  /** The first record of that time or later; the end where there is none. */
  async #findTimestamp(group: RaftGroup, timestampMs: number): Promise<number> {
    const endOffset = this.#highWatermark;
    const found = await searchTimestamp(group.log, timestampMs, this.#startOffset, endOffset).catch(
      (error: unknown) => {
        throw this.#readFailure(error);
      },
    );
    return Math.max(found ?? endOffset, this.#startOffset); // It may have moved meanwhile.
  }

  /**
   * What the reader is told. Damage takes this replica out, so that another one answers; what else the log failed
   * for may have gone by when the reader tries again.
   */
  #readFailure(error: unknown): unknown {
    if (!(error instanceof LogError) && !(error instanceof DiskError)) return error;
    if (isDamage(error)) this.#options.damaged(error);
    if (this.#group?.leadership.kind !== "leading") return this.#notLeading("read");
    if (isDamage(error)) return error;
    const message = `Cannot read ${this.name} for now: ${error.message}`;
    return new RopewalkError("STORAGE_ERROR", message, { cause: error });
  }

  #readable(from: ReadSource): RaftGroup {
    const group = this.#group;
    if (group === undefined || !this.#isReadable(from)) throw this.#notLeading("read");
    return group;
  }

  /** A replica that follows nobody does not know what it misses. */
  #isReadable(from: ReadSource): boolean {
    const leadership = this.#group?.leadership;
    if (leadership?.kind === "leading") return true;
    return from === "replica" && leadership !== undefined && leadership.leaderId !== 0;
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

  #checkRange(offset: number, from: ReadSource): void {
    if (offset >= this.#startOffset && offset <= this.#highWatermark) return;
    const mayBeThere = this.#group?.leadership.kind !== "leading" && offset > this.#highWatermark;
    if (from === "replica" && mayBeThere) throw this.#notLeading("read");
    throw this.#outOfRange(`read ${this.name} at`, offset);
  }

  #outOfRange(action: string, offset: number): RopewalkError {
    return new RopewalkError(
      "OFFSET_OUT_OF_RANGE",
      `Cannot ${action} offset ${offset}: it has offsets ${this.#startOffset} to ${this.#highWatermark}`,
      { validRange: { name: "offset", min: this.#startOffset, max: this.#highWatermark } },
    );
  }
}

/** Where nothing is left below the watermark, because it was compacted, reading goes on there. */
function readResult(
  log: GroupLog,
  batches: readonly Uint8Array[],
  highWatermark: number,
): ReadResult {
  const last = batches.at(-1);
  const nextOffset = last === undefined ? highWatermark : batchNextOffset(last);
  return { batches, nextOffset, release: () => log.giveBack(batches) };
}
