import type { ClientDuplexStream } from "@grpc/grpc-js";
import {
  fromProtoError,
  type FetchStreamRequestInit,
  type FetchStreamResponse,
  type RopewalkError,
} from "@ropewalk/protocol";
import type { Clock } from "@ropewalk/runtime";
import type { FetchedChunk, PartitionReader, ReadStream } from "./partition-reader.ts";
import { type OffsetPosition, startPositionOf } from "./start-position.ts";

/** The part of a gRPC call that the stream uses. */
export type FetchCall = Pick<
  ClientDuplexStream<FetchStreamRequestInit, FetchStreamResponse>,
  "on" | "write" | "end" | "cancel"
>;

/** What happens on the stream. */
export interface FetchStreamHandler {
  onChunk(chunk: FetchedChunk): void;
  /** The reader started, or moved on without a chunk. */
  onProgress(reader: PartitionReader): void;
  /** The subscription of the reader is over; the stream lives on. */
  onRefused(reader: PartitionReader, error: RopewalkError): void;
  /** The stream is over, and the subscriptions of these readers with it. */
  onBroken(readers: readonly PartitionReader[], failure: unknown): void;
}

/** Credit is given back in portions of this share: fewer messages, and the broker keeps most of it. */
const creditPortion = 1 / 4;

/**
 * One long-lived stream from one broker: any number of partitions share it and its byte credit. The broker
 * sends while it has credit; what the application has consumed is given back. So a slow application stops
 * the broker, and what waits here is bounded by the credit and one message.
 */
export class FetchStream implements ReadStream {
  readonly brokerId: number;
  readonly #call: FetchCall;
  readonly #clock: Clock;
  readonly #handler: FetchStreamHandler;
  readonly #readers = new Map<number, PartitionReader>();
  readonly #portionBytes: number;
  #consumedBytes = 0;
  // What the broker may still send; below zero after a message that was larger than what was left.
  #creditBytes = 0;
  #nextSubscriptionId = 1;
  #heardAtMs: number;
  #isOver = false;

  constructor(options: {
    readonly brokerId: number;
    readonly call: FetchCall;
    readonly creditBytes: number;
    readonly clock: Clock;
    readonly handler: FetchStreamHandler;
  }) {
    this.brokerId = options.brokerId;
    this.#call = options.call;
    this.#clock = options.clock;
    this.#handler = options.handler;
    this.#portionBytes = Math.max(1, Math.floor(options.creditBytes * creditPortion));
    this.#heardAtMs = options.clock.monotonicMs();
    this.#call.on("data", (response: FetchStreamResponse) => this.#receive(response));
    this.#call.on("error", (failure: unknown) => this.#end(failure));
    this.#call.on("end", () => this.#end(new Error("the broker ended the stream")));
    this.#grant(options.creditBytes);
  }

  #grant(bytes: number): void {
    // A broker that may not send is not silent: its time starts with the credit.
    if (this.#creditBytes <= 0) this.#heardAtMs = this.#clock.monotonicMs();
    this.#creditBytes += bytes;
    this.#call.write({ message: { case: "credit", value: { bytes } } });
  }

  /** Starts to read a partition at `start`; `anyReplica`: also where the broker only follows. */
  subscribe(reader: PartitionReader, start: OffsetPosition, anyReplica = false): void {
    const subscriptionId = this.#nextSubscriptionId++;
    if (this.#readers.size === 0) this.#heardAtMs = this.#clock.monotonicMs();
    this.#readers.set(subscriptionId, reader);
    reader.stream = this;
    const { topic, partition } = reader;
    const position = startPositionOf(start);
    const value = { subscriptionId, topic, partition, start: position, anyReplica };
    this.#call.write({ message: { case: "subscribe", value } });
  }

  /** Stops reading a partition; what of it is under way is dropped. */
  unsubscribe(reader: PartitionReader): void {
    if (reader.stream === this) reader.stream = undefined;
    for (const [subscriptionId, subscribed] of this.#readers) {
      if (subscribed !== reader) continue;
      this.#readers.delete(subscriptionId);
      if (!this.#isOver)
        this.#call.write({ message: { case: "unsubscribe", value: { subscriptionId } } });
    }
  }

  /** Gives back the credit of batches that the application is done with, or that nobody wanted. */
  giveBack(bytes: number): void {
    this.#consumedBytes += bytes;
    if (this.#isOver || this.#consumedBytes < this.#portionBytes) return;
    this.#grant(this.#consumedBytes);
    this.#consumedBytes = 0;
  }

  /** Whether it has subscriptions and credit, and nothing was heard since `cutoffMs`. */
  isSilent(cutoffMs: number): boolean {
    return this.#readers.size > 0 && this.#creditBytes > 0 && this.#heardAtMs <= cutoffMs;
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
    this.#call.cancel();
  }

  #receive(response: FetchStreamResponse): void {
    if (this.#isOver) return;
    this.#heardAtMs = this.#clock.monotonicMs();
    const reader = this.#readers.get(response.subscriptionId);
    const { message } = response;
    if (message?.case === "batches") this.#creditBytes -= message.value.recordBatches.length;
    if (reader !== undefined) this.#dispatch(response.subscriptionId, reader, message);
    else if (message?.case === "batches")
      this.#refuse(response.subscriptionId, message.value.recordBatches);
  }

  /** Drops what the broker sent before it knew that nobody wants it; told twice, it knows for certain. */
  #refuse(subscriptionId: number, recordBatches: Uint8Array): void {
    this.#call.write({ message: { case: "unsubscribe", value: { subscriptionId } } });
    this.giveBack(recordBatches.length);
  }

  #dispatch(
    subscriptionId: number,
    reader: PartitionReader,
    message: FetchStreamResponse["message"],
  ): void {
    switch (message?.case) {
      case "started":
        reader.started(message.value.startOffset, message.value.highWatermark);
        return this.#handler.onProgress(reader);
      case "batches": {
        const { recordBatches, nextOffset, highWatermark } = message.value;
        const chunk = reader.received(this, recordBatches, nextOffset, highWatermark);
        if (chunk !== undefined) return this.#handler.onChunk(chunk);
        this.giveBack(recordBatches.length);
        return this.#handler.onProgress(reader);
      }
      case "heartbeat":
        reader.advanced(message.value.nextOffset, message.value.highWatermark);
        return this.#handler.onProgress(reader);
      case "error":
        this.#readers.delete(subscriptionId);
        reader.stream = undefined;
        return this.#handler.onRefused(reader, fromProtoError(message.value));
      case undefined:
        return undefined;
    }
  }

  #end(failure: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const readers = [...this.#readers.values()];
    this.#readers.clear();
    for (const reader of readers) reader.stream = undefined;
    this.#handler.onBroken(readers, failure);
  }
}
