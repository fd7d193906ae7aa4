import type { ServerDuplexStream } from "@grpc/grpc-js";
import {
  type FetchStreamRequest,
  type FetchStreamRequestSubscribe,
  type FetchStreamResponseInit,
  RopewalkError,
  toProtoError,
} from "@ropewalk/protocol";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import {
  anonymous,
  type PartitionDirectory,
  type ReadablePartition,
  type ReadResult,
} from "../ports.ts";
import { toStartPosition } from "./start-position.ts";
import { toRopewalkError } from "./unary.ts";

/** What a fetch stream needs. */
export interface FetchStreamOptions {
  readonly partitions: PartitionDirectory;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Bytes of one message, unless a single batch is larger. */
  readonly bytesMax: number;
  readonly heartbeatMs: number;
  readonly subscriptionsMax: number;
  readonly fetched: (bytes: number) => void;
}

type Call = ServerDuplexStream<FetchStreamRequest, FetchStreamResponseInit>;

/** A partition that the client reads. */
interface Subscription {
  readonly id: number;
  readonly log: ReadablePartition;
  nextOffset: number;
  /** `ready` to be read, being read, or waiting at the end. */
  state: "ready" | "reading" | "waiting";
  cancelWait: (() => void) | undefined;
}

/** Messages sent in one turn before others get theirs. */
const messagesPerTurnMax = 16;

/**
 * One client's stream of subscriptions. They take turns while there is byte credit and the connection
 * takes more; one that is at the end of its partition waits there and costs nothing.
 */
export class FetchStream {
  readonly #call: Call;
  readonly #options: FetchStreamOptions;
  readonly #subscriptions = new Map<number, Subscription>();
  /** Subscriptions whose start is being found. */
  readonly #starting = new Set<number>();
  #creditBytes = 0;
  /** Set aside for reads from disk that are under way, so that they are bounded by the credit, too. */
  #readingBytes = 0;
  #blocked = false;
  #closed = false;
  #pumpScheduled = false;
  #heartbeatTimer: Timer | undefined;

  constructor(call: Call, options: FetchStreamOptions) {
    this.#call = call;
    this.#options = options;
    call.on("data", (request: FetchStreamRequest) => this.#receive(request));
    call.on("drain", () => {
      this.#blocked = false;
      this.#schedulePump();
    });
    call.on("end", () => {
      this.#close();
      call.end();
    });
    for (const event of ["close", "cancelled", "error"]) call.on(event, () => this.#close());
    this.#scheduleHeartbeat();
  }

  #receive({ message }: FetchStreamRequest): void {
    switch (message?.case) {
      case "subscribe":
        void this.#subscribe(message.value);
        return;
      case "unsubscribe":
        this.#drop(message.value.subscriptionId);
        return;
      case "credit":
        this.#creditBytes += message.value.bytes;
        this.#schedulePump();
        return;
      case undefined:
    }
  }

  async #subscribe(request: FetchStreamRequestSubscribe): Promise<void> {
    const { anyReplica, subscriptionId: id, topic, partition, start } = request;
    try {
      const count = this.#subscriptions.size + this.#starting.size;
      const isInUse = this.#subscriptions.has(id) || this.#starting.has(id);
      if (isInUse || count >= this.#options.subscriptionsMax) {
        throw new RopewalkError(
          "INVALID_REQUEST",
          `Cannot subscribe to ${topic}-${partition}: subscription ${id} is in use, or the stream has ${this.#options.subscriptionsMax} already`,
        );
      }
      const { partitions } = this.#options;
      const log = partitions[anyReplica ? "replica" : "leader"](topic, partition);
      this.#starting.add(id);
      const startOffset = await log.resolve(toStartPosition(start));
      if (!this.#starting.delete(id) || this.#closed) return; // Taken back meanwhile.
      this.#subscriptions.set(id, {
        id,
        log,
        nextOffset: startOffset,
        state: "ready",
        cancelWait: undefined,
      });
      const started = {
        startOffset,
        highWatermark: log.highWatermark(),
        logStartOffset: log.startOffset(),
      };
      this.#write({ subscriptionId: id, message: { case: "started", value: started } });
      this.#schedulePump();
    } catch (error) {
      this.#fail(id, error);
    }
  }

  #schedulePump(): void {
    if (this.#pumpScheduled || this.#closed) return;
    this.#pumpScheduled = true;
    this.#options.clock.defer(() => this.#pump());
  }

  #pump(): void {
    this.#pumpScheduled = false;
    let sent = 0;
    for (const subscription of [...this.#subscriptions.values()]) {
      if (this.#closed || this.#blocked || this.#creditBytes <= this.#readingBytes) return;
      if (subscription.state !== "ready") continue;
      this.#read(subscription);
      sent += 1;
      if (sent >= messagesPerTurnMax) break;
    }
    const ready = [...this.#subscriptions.values()].some(({ state }) => state === "ready");
    if (ready) this.#schedulePump();
  }

  #read(subscription: Subscription): void {
    // Whoever was read goes to the end of the line.
    this.#subscriptions.delete(subscription.id);
    this.#subscriptions.set(subscription.id, subscription);
    try {
      const { log, nextOffset } = subscription;
      const bytesMax = Math.min(this.#options.bytesMax, this.#creditBytes - this.#readingBytes);
      const result = log.read(anonymous, nextOffset, bytesMax);
      if (result instanceof Promise) this.#finishReading(subscription, bytesMax, result);
      else this.#deliver(subscription, result);
    } catch (error) {
      this.#fail(subscription.id, error);
    }
  }

  #finishReading(subscription: Subscription, bytesMax: number, result: Promise<ReadResult>): void {
    subscription.state = "reading";
    this.#readingBytes += bytesMax;
    result.then(
      (read) => {
        this.#readingBytes -= bytesMax;
        this.#schedulePump();
        if (this.#subscriptions.get(subscription.id) !== subscription) return;
        subscription.state = "ready";
        this.#deliver(subscription, read);
      },
      (error: unknown) => {
        this.#readingBytes -= bytesMax;
        this.#schedulePump();
        if (this.#subscriptions.get(subscription.id) !== subscription) return;
        this.#fail(subscription.id, error);
      },
    );
  }

  #deliver(subscription: Subscription, { batches, nextOffset, release }: ReadResult): void {
    // Also where nothing is left to send: what was compacted away is passed over, not read again for ever.
    subscription.nextOffset = nextOffset;
    if (batches.length === 0) {
      this.#heartbeat(subscription);
      this.#await(subscription);
      return;
    }
    let bytes = 0;
    for (const batch of batches) bytes += batch.length;
    this.#creditBytes -= bytes;
    this.#options.fetched(bytes);
    const highWatermark = subscription.log.highWatermark();
    const value = { recordBatches: batches, nextOffset, highWatermark };
    // The callback runs when gRPC has copied the batches, or never will.
    this.#write({ subscriptionId: subscription.id, message: { case: "batches", value } }, release);
  }

  #await(subscription: Subscription): void {
    subscription.state = "waiting";
    subscription.cancelWait = subscription.log.awaitRecords(subscription.nextOffset, () => {
      subscription.cancelWait = undefined;
      subscription.state = "ready";
      this.#schedulePump();
    });
  }

  #heartbeat({ id, log, nextOffset }: Subscription): void {
    const value = { nextOffset, highWatermark: log.highWatermark() };
    this.#write({ subscriptionId: id, message: { case: "heartbeat", value } });
  }

  #scheduleHeartbeat(): void {
    if (this.#closed) return;
    const { clock, heartbeatMs } = this.#options;
    this.#heartbeatTimer = clock.setTimer(heartbeatMs, () => {
      for (const subscription of this.#subscriptions.values()) {
        if (!this.#blocked && subscription.state === "waiting") this.#heartbeat(subscription);
      }
      this.#scheduleHeartbeat();
    });
  }

  #fail(id: number, error: unknown): void {
    this.#drop(id);
    const value = toProtoError(toRopewalkError(error, this.#options.logger));
    this.#write({ subscriptionId: id, message: { case: "error", value } });
  }

  #write(response: FetchStreamResponseInit, written?: () => void): void {
    if (!this.#closed && !this.#call.write(response, written)) this.#blocked = true;
  }

  #drop(id: number): void {
    this.#starting.delete(id);
    this.#subscriptions.get(id)?.cancelWait?.();
    this.#subscriptions.delete(id);
  }

  #close(): void {
    this.#closed = true;
    this.#heartbeatTimer?.cancel();
    for (const id of [...this.#subscriptions.keys()]) this.#drop(id);
  }
}
