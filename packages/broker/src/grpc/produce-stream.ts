import type { ServerDuplexStream } from "@grpc/grpc-js";
import {
  type ProduceAckInit,
  type ProduceStreamRequest,
  type ProduceStreamResponseInit,
  RopewalkError,
  toProtoError,
} from "@ropewalk/protocol";
import type { Clock, Logger } from "@ropewalk/runtime";
import type { ByteBudget } from "../byte-budget.ts";
import { anonymous, type AppendResult, type PartitionDirectory } from "../ports.ts";
import { AckQueue } from "./ack-queue.ts";
import { toRopewalkError } from "./unary.ts";

/** What a produce stream needs. */
export interface ProduceStreamOptions {
  readonly partitions: PartitionDirectory;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Shared by all streams of the broker. */
  readonly budget: ByteBudget;
  readonly streamInFlightBytesMax: number;
  readonly appended: (bytes: number) => void;
}

type Call = ServerDuplexStream<ProduceStreamRequest, ProduceStreamResponseInit>;

/**
 * One client's stream of batches. It is read only while there is room for what it brings: in its own
 * window, in the broker's budget, and in the client's readiness to take acks.
 */
export class ProduceStream {
  readonly #call: Call;
  readonly #options: ProduceStreamOptions;
  /** By partition, while there are batches on their way. */
  readonly #queues = new Map<string, AckQueue>();
  #acks: ProduceAckInit[] = [];
  #bytesInFlight = 0;
  #batchesInFlight = 0;
  #paused = false;
  #acksBlocked = false;
  #flushScheduled = false;
  #clientEnded = false;
  #closed = false;

  constructor(call: Call, options: ProduceStreamOptions) {
    this.#call = call;
    this.#options = options;
    call.on("data", (request: ProduceStreamRequest) => this.#receive(request));
    call.on("end", () => {
      this.#clientEnded = true;
      this.#endWhenDone();
    });
    call.on("drain", () => {
      this.#acksBlocked = false;
      this.#resume();
    });
    call.on("close", () => (this.#closed = true));
    call.on("cancelled", () => (this.#closed = true));
    call.on("error", () => (this.#closed = true));
    call.write({ inFlightBytesMax: options.streamInFlightBytesMax });
  }

  #receive(request: ProduceStreamRequest): void {
    const { correlationId, recordBatch, topic, partition } = request;
    const bytes = recordBatch.length;
    this.#bytesInFlight += bytes;
    this.#batchesInFlight += 1;
    this.#options.budget.take(bytes);
    const key = `${partition} ${topic}`;
    const queue = this.#queues.get(key) ?? new AckQueue();
    this.#queues.set(key, queue);
    const acknowledge = queue.enter(this.#ready);
    this.#append(request, (outcome) => {
      this.#bytesInFlight -= bytes;
      this.#batchesInFlight -= 1;
      this.#options.budget.release(bytes);
      if (!(outcome instanceof RopewalkError)) this.#options.appended(bytes);
      acknowledge(toAck(correlationId, outcome));
      if (queue.isEmpty) this.#queues.delete(key);
      this.#resume();
    });
    this.#pauseWhenFull();
  }

  #append(
    request: ProduceStreamRequest,
    done: (outcome: AppendResult | RopewalkError) => void,
  ): void {
    const { topic, partition, recordBatch, acks } = request;
    try {
      const log = this.#options.partitions.leader(topic, partition);
      log.append(anonymous, recordBatch, acks === "LEADER" ? "leader" : "all", done);
    } catch (error) {
      done(toRopewalkError(error, this.#options.logger));
    }
  }

  readonly #ready = (ack: ProduceAckInit): void => {
    this.#acks.push(ack);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    // Acks that become known in one turn leave in one message.
    this.#options.clock.defer(() => this.#flush());
  };

  #flush(): void {
    this.#flushScheduled = false;
    const acks = this.#acks;
    this.#acks = [];
    if (this.#closed) return;
    if (!this.#call.write({ acks })) this.#acksBlocked = true;
    this.#endWhenDone();
  }

  #isFull(): boolean {
    const { budget, streamInFlightBytesMax } = this.#options;
    return this.#acksBlocked || this.#bytesInFlight >= streamInFlightBytesMax || budget.isFull;
  }

  #pauseWhenFull(): void {
    if (this.#paused || !this.#isFull()) return;
    this.#paused = true;
    this.#call.pause();
    if (this.#options.budget.isFull) this.#options.budget.whenRoom(() => this.#resume());
  }

  #resume(): void {
    if (!this.#paused) return;
    if (this.#isFull()) {
      // The budget may be full for another stream's sake: nobody here would come back to ask.
      if (this.#options.budget.isFull) this.#options.budget.whenRoom(() => this.#resume());
      return;
    }
    this.#paused = false;
    if (!this.#closed) this.#call.resume();
  }

  #endWhenDone(): void {
    if (
      this.#clientEnded &&
      !this.#closed &&
      this.#batchesInFlight === 0 &&
      this.#acks.length === 0
    ) {
      this.#call.end();
    }
  }
}

function toAck(correlationId: number, outcome: AppendResult | RopewalkError): ProduceAckInit {
  return outcome instanceof RopewalkError
    ? { correlationId, error: toProtoError(outcome) }
    : { correlationId, ...outcome };
}
