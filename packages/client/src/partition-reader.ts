import type { RopewalkError } from "@ropewalk/protocol";
import type { Backoff } from "./backoff.ts";
import type { OffsetPosition, StartFrom } from "./start-position.ts";

/** What of a fetch stream concerns those that read from it. */
export interface ReadStream {
  readonly brokerId: number;
  /** Stops reading a partition; what of it is under way is dropped. */
  unsubscribe(reader: PartitionReader): void;
  /** Gives back the credit of batches that the application is done with. */
  giveBack(bytes: number): void;
}

/** Record batches of one partition as they came, and which of their records are wanted. */
export interface FetchedChunk {
  readonly reader: PartitionReader;
  /** Where the credit for `recordBatches` goes back to. */
  readonly stream: ReadStream;
  readonly recordBatches: Uint8Array;
  /** Records before this were delivered already, or were not asked for. */
  readonly startOffset: number;
  /** Records from here on are not wanted. */
  readonly endOffset: number;
  /** Where the partition goes on after the chunk. */
  readonly nextOffset: number;
  readonly highWatermark: number;
}

/**
 * How far one partition is read. Four offsets follow each other; but for `rewind`, none ever moves back:
 *
 *     passed ≤ handed ≤ received ≤ high watermark
 *
 * *received*: where the next subscription would start. *handed*: after what the application was given.
 * *passed*: after what it was done with when it asked for more, which is what may be committed.
 */
export class PartitionReader {
  readonly topic: string;
  readonly partition: number;
  /** In a group: by which grant it is read. */
  readonly grant: string | undefined;
  readonly backoff: Backoff;
  /** The stream that it is subscribed on. */
  stream: ReadStream | undefined;
  /** Failures since something was last received, and the last of them. */
  failures = 0;
  lastError: RopewalkError | undefined;
  /** Nothing of it is wanted any more. */
  isStopped = false;
  highWatermark = -1;
  /** The leader has said where it starts. */
  isResolved = false;
  readonly #exitAtEnd: boolean;
  #from: StartFrom;
  #receivedOffset: number | undefined;
  #handedOffset: number | undefined;
  #passedOffset: number | undefined;
  #endOffset = Number.POSITIVE_INFINITY;

  constructor(options: {
    readonly topic: string;
    readonly partition: number;
    readonly grant?: string | undefined;
    readonly from: StartFrom;
    readonly exitAtEnd: boolean;
    readonly backoff: Backoff;
  }) {
    this.topic = options.topic;
    this.partition = options.partition;
    this.grant = options.grant;
    this.#from = options.from;
    this.#exitAtEnd = options.exitAtEnd;
    this.backoff = options.backoff;
  }

  /** Where to subscribe; "last" positions must be resolved first. */
  get start(): OffsetPosition | { readonly last: number } {
    return this.#receivedOffset === undefined ? this.#from : { offset: this.#receivedOffset };
  }

  /** Whether its first position is known. */
  get isStarted(): boolean {
    return this.#receivedOffset !== undefined;
  }

  /** After the last record that the application was given; `undefined` before the start is known. */
  get handedOffset(): number | undefined {
    return this.#handedOffset;
  }

  /** After the last record that the application is done with. */
  get passedOffset(): number | undefined {
    return this.#passedOffset;
  }

  /** Everything that is wanted was received. */
  get isAtEnd(): boolean {
    return this.#receivedOffset !== undefined && this.#receivedOffset >= this.#endOffset;
  }

  /** Sets where it starts, before it has started. */
  startFrom(from: StartFrom): void {
    if (this.isStarted) return;
    this.#from = from;
    this.isResolved = false;
  }

  /** The leader has said at which offset it starts, and where the partition ends. */
  resolved(offset: number, highWatermark: number): void {
    this.startFrom({ offset });
    this.isResolved = true;
    if (!this.isStarted && this.#exitAtEnd) this.#endOffset = highWatermark;
  }

  /** The subscription started. The end that counts is the one of the first start. */
  started(startOffset: number, highWatermark: number): void {
    this.highWatermark = Math.max(this.highWatermark, highWatermark);
    this.failures = 0;
    this.backoff.reset();
    if (this.#receivedOffset !== undefined) return;
    this.#receivedOffset = startOffset;
    this.#handedOffset = startOffset;
    this.#passedOffset = startOffset;
    // A follower may know of less than the leader, who was asked before.
    if (this.#exitAtEnd && !this.isResolved) this.#endOffset = highWatermark;
  }

  /** Batches arrived; `undefined` where nothing in them is wanted. */
  received(
    stream: ReadStream,
    recordBatches: Uint8Array,
    nextOffset: number,
    highWatermark: number,
  ): FetchedChunk | undefined {
    const startOffset = this.#receivedOffset ?? 0;
    this.advanced(nextOffset, highWatermark);
    if (nextOffset <= startOffset || startOffset >= this.#endOffset) return undefined;
    const endOffset = this.#endOffset;
    return {
      reader: this,
      stream,
      recordBatches,
      startOffset,
      endOffset,
      nextOffset,
      highWatermark,
    };
  }

  /** The broker has sent everything before `nextOffset`. */
  advanced(nextOffset: number, highWatermark: number): void {
    this.highWatermark = Math.max(this.highWatermark, highWatermark);
    this.#receivedOffset = Math.max(this.#receivedOffset ?? 0, nextOffset);
  }

  /** What was received and not handed out is wanted once more. */
  rewind(): void {
    this.#receivedOffset = this.#handedOffset;
  }

  /** The application was given everything before `offset`. */
  handed(offset: number): void {
    this.#handedOffset = Math.max(this.#handedOffset ?? 0, offset);
  }

  /** The application is done with everything before `offset`. */
  passed(offset: number): void {
    this.#passedOffset = Math.max(this.#passedOffset ?? 0, offset);
  }
}
