import type { Clock, Connection, ConnectionHandler } from "@ropewalk/runtime";
import { ByteWriter, RopewalkError } from "@ropewalk/protocol";
import { FrameAssembler } from "./frame-assembler.ts";
import type { FrameSink, ReceivedFrame } from "./frame-assembler.ts";
import { frameKind, patchFrameHeader, reserveFrameHeader } from "./frame-header.ts";
import type { PeerConfig } from "./peer-config.ts";
import type { LaneCounters } from "./peer-counters.ts";
import type { ReceiveBudget } from "./receive-budget.ts";

/** What a connection that speaks frames tells its owner; never from within a call. */
export interface FrameConnectionOwner {
  /** One frame other than a beat; see `FrameSink.onFrame`. */
  onFrame(frame: ReceivedFrame): boolean;
  /** Every frame that one read completed was handed over. */
  onReadEnd(): void;
  /** Sending may go on. */
  onDrain(): void;
  /** It is over; nothing else is called afterwards. */
  onClose(reason: string): void;
}

/** What a connection needs to know beside its owner. */
export interface FrameConnectionOptions {
  readonly clock: Clock;
  readonly config: PeerConfig;
  /** Bounds for the handshake; `setVerified` brings those for what follows. */
  readonly payloadBytesMax: number;
  readonly budget: ReceiveBudget;
  readonly owner: FrameConnectionOwner;
}

const beatFrame: Buffer = newBeatFrame();

/**
 * A connection on which frames travel both ways. It pauses the socket while the budget is used up,
 * says that it is alive when there is nothing else to say, and closes when the other side is silent
 * for too long or sends what no broker sends: a half-open connection is found without TCP's help.
 */
export class FrameConnection implements ConnectionHandler, FrameSink {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #config: PeerConfig;
  readonly #owner: FrameConnectionOwner;
  readonly #assembler: FrameAssembler;
  readonly #openedMs: number;
  #counters: LaneCounters | undefined;
  #onHeard: ((nowMs: number) => void) | undefined;
  #lastReceivedMs: number;
  #lastSentMs: number;
  #isWritable = true;
  #isPaused = false;
  #closeReason: string | undefined;
  #unsentBytes = 0;

  constructor(connection: Connection, options: FrameConnectionOptions) {
    this.#connection = connection;
    this.#clock = options.clock;
    this.#config = options.config;
    this.#owner = options.owner;
    this.#assembler = new FrameAssembler(this, options.payloadBytesMax, options.budget);
    // The budget frees up inside somebody else's work: the frame is taken up in a turn of its own.
    this.#assembler.onReady = () => this.#clock.defer(() => this.#resume());
    this.#openedMs = options.clock.monotonicMs();
    this.#lastReceivedMs = this.#openedMs;
    this.#lastSentMs = this.#openedMs;
  }

  /** False once `close` was called or the connection broke. */
  get isClosed(): boolean {
    return this.#closeReason !== undefined;
  }

  /** Whether `send` may be called; after false, `onDrain` tells. */
  get isWritable(): boolean {
    return this.#isWritable && !this.isClosed;
  }

  /** Bytes that the system has not taken yet. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** The peer is who it should be: from now on its frames may be larger, and they are counted. */
  setVerified(
    payloadBytesMax: number,
    budget: ReceiveBudget,
    counters: LaneCounters,
    onHeard: (nowMs: number) => void,
  ): void {
    this.#assembler.setLimits(payloadBytesMax, budget);
    this.#counters = counters;
    this.#onHeard = onHeard;
  }

  /**
   * Sends whole frames. The buffers must stay untouched until `onSent`, which runs in a later turn,
   * also when the connection breaks.
   */
  send(buffers: readonly Uint8Array[], onSent?: () => void): void {
    let bytes = 0;
    for (const buffer of buffers) bytes += buffer.length;
    this.#unsentBytes += bytes;
    this.#lastSentMs = this.#clock.monotonicMs();
    if (this.#counters !== undefined) this.#counters.bytesSent += bytes;
    this.#isWritable = this.#connection.send(buffers, () => {
      this.#unsentBytes -= bytes;
      onSent?.();
    });
  }

  /** Ends the connection; `onClose` follows with the reason given here. */
  close(reason: string): void {
    if (this.isClosed) return;
    this.#closeReason = reason;
    this.#assembler.close();
    this.#connection.close();
  }

  /** Closes when nothing arrived for too long, or the handshake takes too long. */
  endIfSilent(nowMs: number, isGreeting: boolean): void {
    const { greetingTimeoutMs, silenceMsMax } = this.#config;
    const silentMs = Math.floor(nowMs - this.#lastReceivedMs);
    if (isGreeting) {
      if (nowMs - this.#openedMs > greetingTimeoutMs) this.close("the handshake took too long");
    } else if (silentMs > silenceMsMax && !this.#isPaused) {
      this.close(`nothing was heard for ${silentMs} ms`);
    }
  }

  /** Says that this side is alive, unless it said something lately. */
  beatIfQuiet(nowMs: number): void {
    if (nowMs - this.#lastSentMs >= this.#config.beatIntervalMs && this.isWritable) {
      this.send([beatFrame]);
    }
  }

  onData(bytes: Uint8Array): void {
    if (this.isClosed) return;
    this.#lastReceivedMs = this.#clock.monotonicMs();
    this.#onHeard?.(this.#lastReceivedMs);
    if (this.#counters !== undefined) this.#counters.bytesReceived += bytes.length;
    this.#assemble(() => this.#assembler.push(bytes));
  }

  onDrain(): void {
    this.#isWritable = true;
    if (!this.isClosed) this.#owner.onDrain();
  }

  onClose(error: Error | undefined): void {
    const reason = this.#closeReason ?? error?.message ?? "the peer closed the connection";
    this.#closeReason = reason;
    this.#assembler.close();
    this.#owner.onClose(reason);
  }

  onFrame(frame: ReceivedFrame): boolean {
    if (this.#counters !== undefined) this.#counters.framesReceived += 1;
    return frame.kind === frameKind.beat ? false : this.#owner.onFrame(frame);
  }

  #resume(): void {
    if (this.isClosed) return;
    this.#assemble(() => this.#assembler.resume());
  }

  #assemble(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof RopewalkError) || error.code !== "CORRUPT_MESSAGE") throw error;
      if (this.#counters !== undefined) this.#counters.corruptions += 1;
      this.close(error.message);
    }
    this.#owner.onReadEnd();
    this.#setPaused(this.#assembler.isStalled);
  }

  #setPaused(isPaused: boolean): void {
    if (this.isClosed || isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) {
      this.#connection.pause();
      return;
    }
    // While it was paused it could not hear anything.
    this.#lastReceivedMs = this.#clock.monotonicMs();
    this.#connection.resume();
  }
}

function newBeatFrame(): Buffer {
  const writer = new ByteWriter(16);
  reserveFrameHeader(writer);
  patchFrameHeader(writer, frameKind.beat, 0);
  return writer.finish();
}
