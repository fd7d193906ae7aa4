import type { ClientDuplexStream } from "@grpc/grpc-js";
import type {
  Acks,
  ProduceAck,
  ProduceStreamRequestInit,
  ProduceStreamResponse,
} from "@ropewalk/protocol";
import type { Clock } from "@ropewalk/runtime";

/** A batch as the stream sees it. */
export interface OutgoingBatch {
  readonly topic: string;
  readonly partition: number;
  /** The encoded batch; it must stay as it is until its ack came or the stream broke. */
  readonly recordBatch: Uint8Array;
}

/** The part of a gRPC call that the stream uses. */
export type ProduceCall = Pick<
  ClientDuplexStream<ProduceStreamRequestInit, ProduceStreamResponse>,
  "on" | "write" | "end" | "cancel"
>;

/** What happens on the stream. */
export interface ProduceStreamHandler<Batch extends OutgoingBatch> {
  onAck(batch: Batch, ack: ProduceAck): void;
  /** All acks of one message were handed over: there is room again. */
  onRoom(): void;
  /** The stream is over. What `send` took and no ack came for may or may not be in the log. */
  onBroken(failure: unknown): void;
}

interface Unanswered<Batch> {
  readonly batch: Batch;
  readonly bytes: number;
  readonly sentAtMs: number;
}

const correlationIdCount = 2 ** 32;

/**
 * One long-lived stream to one broker: batches of all partitions that it leads go out as they come, acks
 * come back by correlation id. The broker says how many bytes may wait for their ack.
 *
 * `write()` of the call may answer that its queue is full; that is ignored on purpose, because the bytes
 * in flight bound that queue already.
 */
export class ProduceStream<Batch extends OutgoingBatch> {
  readonly brokerId: number;
  readonly #call: ProduceCall;
  readonly #acks: Acks;
  readonly #clock: Clock;
  readonly #handler: ProduceStreamHandler<Batch>;
  // In the order of sending, so the first one has waited longest.
  readonly #unanswered = new Map<number, Unanswered<Batch>>();
  #bytesInFlight = 0;
  // Unknown before the broker's first message: until then one batch at a time.
  #bytesInFlightMax = 0;
  #nextCorrelationId = 0;
  #isOver = false;

  constructor(options: {
    readonly brokerId: number;
    readonly call: ProduceCall;
    readonly acks: Acks;
    readonly clock: Clock;
    readonly handler: ProduceStreamHandler<Batch>;
  }) {
    this.brokerId = options.brokerId;
    this.#call = options.call;
    this.#acks = options.acks;
    this.#clock = options.clock;
    this.#handler = options.handler;
    this.#call.on("data", (response: ProduceStreamResponse) => this.#receive(response));
    this.#call.on("error", (failure: unknown) => this.#end(failure));
    this.#call.on("end", () => this.#end(new Error("the broker ended the stream")));
  }

  /** Whether nothing waits for its answer. */
  get isIdle(): boolean {
    return this.#unanswered.size === 0;
  }

  /** Whether a batch of `bytes` may be sent now. One that is larger than the whole credit goes alone. */
  hasRoom(bytes: number): boolean {
    return this.#bytesInFlight === 0 || this.#bytesInFlight + bytes <= this.#bytesInFlightMax;
  }

  /** Sends a batch for which there is room. */
  send(batch: Batch): void {
    const correlationId = this.#nextCorrelationId;
    this.#nextCorrelationId = (correlationId + 1) % correlationIdCount;
    const { topic, partition, recordBatch } = batch;
    const bytes = recordBatch.length;
    this.#unanswered.set(correlationId, { batch, bytes, sentAtMs: this.#clock.monotonicMs() });
    this.#bytesInFlight += bytes;
    this.#call.write({ correlationId, topic, partition, acks: this.#acks, recordBatch });
  }

  /** The batch that has waited longest for its answer. */
  oldest(): { readonly batch: Batch; readonly sentAtMs: number } | undefined {
    for (const unanswered of this.#unanswered.values()) return unanswered;
    return undefined;
  }

  /** Gives the stream up; `onBroken` is called before this returns. */
  break(failure: unknown): void {
    this.#end(failure);
    this.#call.cancel();
  }

  /** Ends the stream in peace; nothing is called any more. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#call.end();
  }

  #receive(response: ProduceStreamResponse): void {
    if (this.#isOver) return;
    if (response.inFlightBytesMax !== undefined) this.#bytesInFlightMax = response.inFlightBytesMax;
    for (const ack of response.acks) this.#answer(ack);
    this.#handler.onRoom();
  }

  #answer(ack: ProduceAck): void {
    const unanswered = this.#unanswered.get(ack.correlationId);
    if (unanswered === undefined) return;
    this.#unanswered.delete(ack.correlationId);
    this.#bytesInFlight -= unanswered.bytes;
    this.#handler.onAck(unanswered.batch, ack);
  }

  #end(failure: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#unanswered.clear();
    this.#handler.onBroken(failure);
  }
}
