import {
  type Acks,
  fromProtoError,
  type ProduceAck,
  produceService,
  RopewalkError,
} from "@ropewalk/protocol";
import type { Timer } from "@ropewalk/runtime";
import type { ClusterConnection } from "./cluster-connection.ts";
import { errorFromGrpc } from "./grpc-error.ts";
import { LeaderSearch } from "./leader-search.ts";
import { certain, meansAnotherLeader, timedOut } from "./produce-failure.ts";
import { ProducerIdentities } from "./producer-identities.ts";
import { ProduceStream } from "./produce-stream.ts";
import type { PartitionBatch, ProducerPartition } from "./producer-partition.ts";

/** How the sender sends. */
export interface SenderOptions {
  readonly acks: Acks;
  readonly idempotent: boolean;
  /** An answer that takes longer than this breaks its stream. */
  readonly requestTimeoutMs: number;
}

/** What the sender tells the producer. */
export interface SenderHandler {
  onAcknowledged(batch: PartitionBatch, ack: ProduceAck): void;
  onFailed(batch: PartitionBatch, error: RopewalkError): void;
  /** A batch is about to leave that no record will be added to any more. */
  onClosed(partition: ProducerPartition): void;
  onResent(batch: PartitionBatch): void;
  /** No batch waits for its answer any more. */
  onIdle(): void;
  /** Metadata of these topics may be newer; `answered` is false where no broker could be asked. */
  onMetadata(topics: readonly string[], answered: boolean): void;
}

interface LeaderStream {
  readonly stream: ProduceStream<PartitionBatch>;
  /** Partitions that have used it. */
  readonly users: Set<ProducerPartition>;
  /** Partitions that have something to send and found no room. */
  readonly waiting: Set<ProducerPartition>;
}

/** After this share of the request timeout an answer is late, and metadata is asked whether its leader still leads. */
const lateShare = 1 / 10;

/**
 * Moves batches from partitions to their leaders and brings back what became of them: one stream per
 * leader, resends in order, new leaders, producer identities.
 */
export class ProducerSender {
  readonly #cluster: ClusterConnection;
  readonly #options: SenderOptions;
  readonly #handler: SenderHandler;
  readonly #search: LeaderSearch;
  readonly #streams = new Map<number, LeaderStream>();
  readonly #retryTimers = new Map<ProducerPartition, Timer>();
  #leaderless = new Set<ProducerPartition>();
  readonly #closed = new AbortController();
  readonly #identities: ProducerIdentities;
  /** Streams with batches that wait for their answer. */
  readonly #busy = new Set<ProduceStream<PartitionBatch>>();

  constructor(cluster: ClusterConnection, options: SenderOptions, handler: SenderHandler) {
    this.#cluster = cluster;
    this.#options = options;
    this.#handler = handler;
    this.#identities = new ProducerIdentities(cluster, this.#closed.signal);
    this.#search = new LeaderSearch(cluster, (topics, answered) => {
      this.#onMetadata(topics, answered);
    });
  }

  /** Asks for metadata of a topic; `onMetadata` follows, until nothing is missing. */
  search(topic: string): void {
    this.#search.want(topic);
  }

  /** Whether no batch waits for its answer. */
  get isIdle(): boolean {
    return this.#busy.size === 0;
  }

  /** Sends whatever of the partition may go now. To be called whenever there may be something new to send. */
  wake(partition: ProducerPartition): void {
    while (!this.#closed.signal.aborted && this.#sendNext(partition));
  }

  #sendNext(partition: ProducerPartition): boolean {
    const { queue } = partition;
    const candidate = queue.peek() ?? (partition.isOpenDue ? partition.open : undefined);
    if (candidate === undefined || this.#isPaused(partition)) return false;
    if (queue.needsIdentity) {
      this.#requestIdentity(partition);
      return false;
    }
    const leader = this.#leaderOf(partition);
    // Batches of one partition travel on one stream at a time, or their order would be luck.
    if (leader === undefined) return false;
    if (queue.inFlightCount > 0 && partition.stream !== leader.stream) return false;
    if (candidate === partition.open) {
      if (!queue.isHungry) return false;
      partition.closeOpen();
      this.#handler.onClosed(partition);
    }
    return this.#sendOn(leader, partition, candidate);
  }

  #sendOn(leader: LeaderStream, partition: ProducerPartition, candidate: PartitionBatch): boolean {
    if (!leader.stream.hasRoom(candidate.bytesBuffered)) {
      leader.waiting.add(partition);
      return false;
    }
    const batch = partition.queue.take();
    if (batch === undefined) return false;
    if (batch.attempts++ > 0) this.#handler.onResent(batch);
    partition.stream = leader.stream;
    leader.users.add(partition);
    this.#busy.add(leader.stream);
    leader.stream.send(batch);
    return true;
  }

  #isPaused(partition: ProducerPartition): boolean {
    const leftMs = partition.retryAtMs - this.#cluster.clock.monotonicMs();
    if (leftMs <= 0) return false;
    if (!this.#retryTimers.has(partition) && !this.#closed.signal.aborted) {
      const timer = this.#cluster.clock.setTimer(leftMs, () => {
        this.#retryTimers.delete(partition);
        this.wake(partition);
      });
      this.#retryTimers.set(partition, timer);
    }
    return true;
  }

  #leaderOf(partition: ProducerPartition): LeaderStream | undefined {
    const brokerId = this.#cluster.metadata.leader(partition.topic, partition.index);
    const leader = brokerId === undefined ? undefined : this.#streamTo(brokerId);
    if (leader === undefined) {
      this.#leaderless.add(partition);
      this.#search.want(partition.topic);
    }
    return leader;
  }

  #streamTo(brokerId: number): LeaderStream | undefined {
    const existing = this.#streams.get(brokerId);
    if (existing !== undefined) return existing;
    const call = this.#cluster.openStream(brokerId, produceService.produceStream);
    if (call === undefined) return undefined;
    const stream: ProduceStream<PartitionBatch> = new ProduceStream({
      brokerId,
      call,
      acks: this.#options.acks,
      clock: this.#cluster.clock,
      handler: {
        onAck: (batch, ack) => this.#onAck(stream, batch, ack),
        onRoom: () => this.#onRoom(leader),
        onBroken: (failure) => this.#onBroken(stream, failure),
      },
    });
    const leader: LeaderStream = { stream, users: new Set(), waiting: new Set() };
    this.#streams.set(brokerId, leader);
    return leader;
  }

  #onAck(stream: ProduceStream<PartitionBatch>, batch: PartitionBatch, ack: ProduceAck): void {
    // It expired while it was under way; what was reported then stays.
    if (batch.isSettled) return;
    const partition = batch.destination;
    if (ack.error !== undefined) {
      this.#onRefused(stream, batch, fromProtoError(ack.error));
      return;
    }
    partition.queue.succeeded(batch);
    if (partition.failures > 0) {
      partition.failures = 0;
      partition.backoff.reset();
    }
    this.#handler.onAcknowledged(batch, ack);
    this.wake(partition);
  }

  #onRefused(
    stream: ProduceStream<PartitionBatch>,
    batch: PartitionBatch,
    error: RopewalkError,
  ): void {
    const partition = batch.destination;
    if (partition.queue.failed(batch, error) === "final") {
      this.#handler.onFailed(batch, certain(batch, error));
    } else {
      this.#putOff(partition, error);
      if (meansAnotherLeader(error)) {
        this.#cluster.metadata.refused(
          batch.topic,
          batch.partition,
          stream.brokerId,
          error.leaderId,
        );
      }
    }
    this.wake(partition);
  }

  /** Pauses a partition after a failure. A hint at the right leader is followed at once, but only the first. */
  #putOff(partition: ProducerPartition, error: RopewalkError): void {
    partition.lastError = error;
    const isFirst = partition.failures++ === 0;
    if (isFirst && error.leaderId !== undefined) return;
    const pauseMs = partition.backoff.nextMs(error.retryAfterMs);
    partition.retryAtMs = this.#cluster.clock.monotonicMs() + pauseMs;
  }

  #onRoom(leader: LeaderStream): void {
    if (leader.waiting.size > 0) {
      const waiting = [...leader.waiting];
      leader.waiting.clear();
      for (const partition of waiting) this.wake(partition);
    }
    if (leader.stream.isIdle) this.#ended(leader.stream);
  }

  /** Nothing that was sent on the stream waits for its answer. */
  #ended(stream: ProduceStream<PartitionBatch>): void {
    if (this.#busy.delete(stream) && this.isIdle) this.#handler.onIdle();
  }

  #onBroken(stream: ProduceStream<PartitionBatch>, failure: unknown): void {
    const leader = this.#streams.get(stream.brokerId);
    if (leader?.stream !== stream) return;
    this.#streams.delete(stream.brokerId);
    if (this.#closed.signal.aborted) return;
    const { brokerId } = stream;
    const error = errorFromGrpc(failure, `Cannot write to broker ${brokerId}`);
    this.#cluster.logger.debug("A produce stream broke.", { brokerId, error });
    this.#cluster.metadata.unreachable(brokerId);
    for (const partition of leader.users) {
      // It may have moved to another stream since.
      if (partition.stream !== stream || partition.queue.inFlightCount === 0) continue;
      partition.queue.broken();
      this.#putOff(partition, error);
    }
    for (const partition of new Set([...leader.users, ...leader.waiting])) this.wake(partition);
    this.#ended(stream);
  }

  #onMetadata(topics: readonly string[], answered: boolean): void {
    this.#handler.onMetadata(topics, answered);
    const leaderless = this.#leaderless;
    this.#leaderless = new Set();
    for (const partition of leaderless) this.wake(partition);
  }

  #requestIdentity(partition: ProducerPartition): void {
    if (partition.awaitsIdentity) return;
    partition.awaitsIdentity = true;
    void this.#adoptIdentity(partition);
  }

  /** All partitions start with the same identity; one that spent it goes on with a later epoch. */
  async #adoptIdentity(partition: ProducerPartition): Promise<void> {
    const { queue } = partition;
    try {
      const spent = queue.identity;
      const identity = await (spent === undefined
        ? this.#identities.shared()
        : this.#identities.after(spent));
      if (queue.needsIdentity) queue.adoptIdentity(identity);
    } catch (failure) {
      this.#putOff(partition, errorFromGrpc(failure, "Cannot get a producer id"));
    }
    partition.awaitsIdentity = false;
    this.wake(partition);
  }

  /** Fails what was created at `cutoffMs` or before; `reason` makes the error. */
  expire(
    partition: ProducerPartition,
    cutoffMs: number,
    reason: (batch: PartitionBatch) => RopewalkError = timedOut,
  ): void {
    if (partition.open !== undefined && partition.open.createdAtMs <= cutoffMs) {
      partition.closeOpen();
      this.#handler.onClosed(partition);
    }
    const expired = partition.queue.expire(cutoffMs);
    if (expired.length === 0) return;
    for (const batch of expired) this.#handler.onFailed(batch, certain(batch, reason(batch)));
    this.wake(partition);
  }

  /**
   * Looks after streams whose answers are late. The leader may be frozen or cut off: metadata tells whether
   * another one was elected meanwhile. Beyond `requestTimeoutMs` a stream is given up in any case.
   */
  checkStreams(): void {
    const nowMs = this.#cluster.clock.monotonicMs();
    for (const { stream } of [...this.#streams.values()]) {
      const oldest = stream.oldest();
      if (oldest === undefined) continue;
      const { topic, partition } = oldest.batch;
      const lateMs = nowMs - oldest.sentAtMs;
      const leaderId = this.#cluster.metadata.leader(topic, partition);
      const hasMoved = leaderId !== undefined && leaderId !== stream.brokerId;
      if (lateMs >= this.#options.requestTimeoutMs || (hasMoved && lateMs >= this.#lateMsMax)) {
        stream.break(
          new RopewalkError("REQUEST_TIMED_OUT", `Broker ${stream.brokerId} does not answer`),
        );
      } else if (lateMs >= this.#lateMsMax) {
        this.#search.want(topic);
      }
    }
  }

  get #lateMsMax(): number {
    return this.#options.requestTimeoutMs * lateShare;
  }

  /** Ends all streams. Nothing is sent any more, and the handler is not called any more. */
  close(): void {
    this.#closed.abort();
    this.#search.close();
    for (const timer of this.#retryTimers.values()) timer.cancel();
    for (const { stream } of this.#streams.values()) stream.close();
    this.#streams.clear();
  }
}
