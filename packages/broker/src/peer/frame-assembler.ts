import { frameHeaderBytes, readFrameHeader } from "./frame-header.ts";
import type { FrameHeader, FrameKind } from "./frame-header.ts";
import type { BudgetWaiter, ReceiveBudget } from "./receive-budget.ts";

/** A frame as it arrived. */
export interface ReceivedFrame {
  readonly kind: FrameKind;
  readonly payload: Buffer;
  /** The payload has memory of its own, which may be kept; otherwise it is gone after the callback. */
  readonly owned: boolean;
  /** What the frame has reserved of the budget. */
  readonly reservedBytes: number;
}

/** Where the assembler's frames go. */
export interface FrameSink {
  /**
   * Answers whether it keeps the reservation; it then gives `reservedBytes` back to the budget itself.
   * May throw CORRUPT_MESSAGE.
   */
  onFrame(frame: ReceivedFrame): boolean;
  /** Whether bytes behind the frame that was just handled are still wanted. */
  readonly isClosed: boolean;
}

/** Frames up to this size that lie whole in one read are handed out where they are. */
const viewBytesMax = 16 * 1024;

/**
 * Cuts a byte stream into frames. The length is checked and the bytes are reserved before memory is
 * taken; a frame that does not lie whole in one read is put together in one buffer of its size.
 */
export class FrameAssembler implements BudgetWaiter {
  readonly #sink: FrameSink;
  readonly #headerBytes: Buffer = Buffer.alloc(frameHeaderBytes);
  #headerFilled = 0;
  #header: FrameHeader | undefined;
  #reserved = false;
  #body: Buffer | undefined;
  #bodyFilled = 0;
  #stalled: Buffer[] = [];
  #payloadBytesMax: number;
  #budget: ReceiveBudget;

  constructor(sink: FrameSink, payloadBytesMax: number, budget: ReceiveBudget) {
    this.#sink = sink;
    this.#payloadBytesMax = payloadBytesMax;
    this.#budget = budget;
  }

  /** Other bounds, from the next frame on. */
  setLimits(payloadBytesMax: number, budget: ReceiveBudget): void {
    this.#payloadBytesMax = payloadBytesMax;
    this.#budget = budget;
  }

  get wantedBytes(): number {
    return frameHeaderBytes + (this.#header?.payloadBytes ?? 0);
  }

  /** A frame waits for the budget: the source should be paused until `resume` answers true. */
  get isStalled(): boolean {
    return this.#header !== undefined && !this.#reserved;
  }

  /** The budget has room: `resume` may be called. */
  onReserved(): void {
    this.#reserved = true;
    this.onReady();
  }

  /** Called when a stalled assembler may go on; replaced by the owner. */
  onReady: () => void = () => {};

  /**
   * Takes the next bytes and hands out the frames that they complete. Throws CORRUPT_MESSAGE. While
   * stalled, and until what was kept has been taken up, it keeps a copy: what a paused source still delivers, at most
   * one read in practice.
   */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    if (this.isStalled || this.#stalled.length > 0) this.#stalled.push(Buffer.from(bytes));
    else this.#consume(bytes);
  }

  /** Goes on after a stall with what was kept. */
  resume(): void {
    const kept = this.#stalled;
    this.#stalled = [];
    for (const bytes of kept) {
      if (this.#sink.isClosed) return;
      this.push(bytes);
    }
    // A frame without payload has nothing to wait for.
    if (kept.length === 0) this.#consume(Buffer.alloc(0));
  }

  /** Gives back what an unfinished frame has reserved. */
  close(): void {
    this.#budget.cancel(this);
    if (this.#reserved) this.#budget.release(this.wantedBytes);
    this.#forgetFrame();
    this.#stalled = [];
  }

  #consume(bytes: Buffer): void {
    let position = 0;
    while (!this.#sink.isClosed) {
      if (this.#header === undefined) {
        const taken = this.#takeHeader(bytes, position);
        position += taken;
        if (this.#header === undefined) return;
        this.#reserved = this.#budget.reserve(this);
      }
      if (!this.#reserved) {
        if (position < bytes.length) this.#stalled.push(Buffer.from(bytes.subarray(position)));
        return;
      }
      position += this.#takeBody(bytes, position);
      if (this.#header !== undefined) return;
    }
  }

  #takeHeader(bytes: Buffer, position: number): number {
    const available = bytes.length - position;
    if (this.#headerFilled === 0 && available >= frameHeaderBytes) {
      this.#header = readFrameHeader(bytes, position, this.#payloadBytesMax);
      return frameHeaderBytes;
    }
    const taken = bytes.copy(this.#headerBytes, this.#headerFilled, position);
    this.#headerFilled += taken;
    if (this.#headerFilled === frameHeaderBytes) {
      this.#header = readFrameHeader(this.#headerBytes, 0, this.#payloadBytesMax);
      this.#headerFilled = 0;
    }
    return taken;
  }

  #takeBody(bytes: Buffer, position: number): number {
    const payloadBytes = this.wantedBytes - frameHeaderBytes;
    const available = bytes.length - position;
    if (this.#body === undefined && payloadBytes <= viewBytesMax && available >= payloadBytes) {
      this.#deliver(bytes.subarray(position, position + payloadBytes), false);
      return payloadBytes;
    }
    // Not from Node's shared pool: a slice that is kept must not hold on to strangers.
    this.#body ??= Buffer.allocUnsafeSlow(payloadBytes);
    const taken = bytes.copy(this.#body, this.#bodyFilled, position);
    this.#bodyFilled += taken;
    if (this.#bodyFilled === payloadBytes) this.#deliver(this.#body, true);
    return taken;
  }

  #deliver(payload: Buffer, owned: boolean): void {
    const header = this.#header;
    if (header === undefined) return;
    const budget = this.#budget;
    const reservedBytes = this.wantedBytes;
    this.#forgetFrame();
    let isKept = false;
    try {
      isKept = this.#sink.onFrame({ kind: header.kind, payload, owned, reservedBytes });
    } finally {
      if (!isKept) budget.release(reservedBytes);
    }
  }

  #forgetFrame(): void {
    this.#header = undefined;
    this.#reserved = false;
    this.#body = undefined;
    this.#bodyFilled = 0;
  }
}
