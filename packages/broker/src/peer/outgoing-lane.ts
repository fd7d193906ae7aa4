import type { GroupKey } from "@ropewalk/log";
import type { Message } from "raft-ts";
import type { GroupRoute, PeerBatch } from "raft-ts/multi";
import type { ReceivedFrame } from "./frame-assembler.ts";
import type { FrameConnection } from "./frame-connection.ts";
import { corruptFrame, frameHeaderBytes, frameKind } from "./frame-header.ts";
import { heartbeatBatchBytesMax, heartbeatBatchItems } from "./heartbeat-batch.ts";
import { LaneDialer } from "./lane-dialer.ts";
import { frameItemCountMax, messageBytesMax } from "./message-codec.ts";
import type { MessageFrame } from "./message-frame.ts";
import type { Lane } from "./peer-config.ts";
import type { LaneCounters } from "./peer-counters.ts";
import type { PeerContext, SnapshotOutcome } from "./peer-context.ts";
import { PendingRequests } from "./pending-requests.ts";
import { decodeAnswer } from "./request-codec.ts";
import type { PeerMethod } from "./request-codec.ts";

/** One gathered send carries no more than this, unless one frame alone is larger. */
const sendBytesMax = 4 * 1024 * 1024;
/** Requests that leave between two frames of messages: they must not push those back. */
const sendRequestBytesMax = 256 * 1024;

/** What a lane tells the link it belongs to. */
export interface OutgoingLaneOwner {
  /** Messages were lost, or an attempt to connect failed. */
  onDropped(): void;
  /** Nobody listens at the peer's address, says the system there. In a turn of its own. */
  onRefused(): void;
}

/**
 * What goes to one peer on one lane. Raft's messages are collected into frames until `flush`, wait
 * while the connection is full, and are dropped where the queue is full or there is nobody to send
 * to: Raft repeats what matters, and old messages are worth less than memory. Requests wait for a
 * connection until their time is up.
 */
export class OutgoingLane {
  readonly #peerId: number;
  readonly #lane: Lane;
  readonly #context: PeerContext;
  readonly #counters: LaneCounters;
  readonly #owner: OutgoingLaneOwner;
  readonly #dialer: LaneDialer;
  readonly #requests: PendingRequests;
  /** Complete frames, then the one that is still open. */
  #frames: MessageFrame[] = [];
  #open: MessageFrame | undefined;
  /** Frames that wait, and those the system has not taken. */
  #queuedBytes = 0;
  #flushDeferred = false;
  #isClosed = false;

  constructor(peerId: number, lane: Lane, context: PeerContext, owner: OutgoingLaneOwner) {
    const { clock, config, counters } = context;
    this.#peerId = peerId;
    this.#lane = lane;
    this.#context = context;
    this.#counters = counters[lane];
    this.#owner = owner;
    this.#requests = new PendingRequests({
      clock,
      config,
      counters: counters[lane],
      peerId,
      unsentBytesMax: config.queueBytesMax[lane],
    });
    this.#dialer = new LaneDialer(peerId, lane, context, {
      onReady: () => this.flush(),
      onDrain: () => this.flush(),
      onFrame: (frame) => this.#onFrame(frame),
      onLost: (reason) => this.#onLost(reason),
      onRefused: () => owner.onRefused(),
    });
  }

  get isReady(): boolean {
    return this.#dialer.connection !== undefined;
  }

  /** Bytes of messages that wait or are not yet taken by the system. */
  get queuedBytes(): number {
    return this.#queuedBytes + (this.#open?.bytes ?? 0);
  }

  /** Opens the connection, if that has not begun. */
  start(): void {
    this.#dialer.start();
  }

  retrySoon(): void {
    this.#dialer.retrySoon();
  }

  /**
   * Takes a message for the next `flush`, or drops it and answers false. Its data must stay untouched
   * until it was sent, which nobody is told: it is immutable.
   */
  enqueue(group: GroupRoute, message: Message): boolean {
    this.#dialer.start();
    const bytes = messageBytesMax(message);
    const items = 1 + message.entries.length;
    const { config, logger, frames } = this.#context;
    if (bytes > config.frameBytesMax || items > frameItemCountMax) {
      const fields = { peerId: this.#peerId, ...group, type: message.type, bytes, items };
      logger.error("A message does not fit into a frame and was dropped.", fields);
      return this.#drop(group, message);
    }
    const queued = this.queuedBytes;
    if (queued > 0 && queued + bytes > config.queueBytesMax[this.#lane]) {
      return this.#drop(group, message);
    }
    if (this.#isClosed || this.#dialer.isWaiting) return this.#drop(group, message);
    this.#makeRoom(bytes, items);
    this.#open ??= frames.take();
    this.#open.add(group, message);
    if (this.#open.bytes >= config.frameBytesTarget) this.#seal();
    return true;
  }

  /** Takes a batch of heartbeats for the next `flush`, or drops it: another follows soon. */
  enqueueBatch(batch: PeerBatch): void {
    this.#dialer.start();
    const bytes = heartbeatBatchBytesMax(batch);
    const items = 1 + heartbeatBatchItems(batch);
    const { config, frames } = this.#context;
    const queued = this.queuedBytes;
    const isFull = queued > 0 && queued + bytes > config.queueBytesMax[this.#lane];
    if (isFull || this.#isClosed || this.#dialer.isWaiting) {
      this.#counters.messagesDropped += 1;
      return;
    }
    this.#makeRoom(bytes, items);
    this.#open ??= frames.take();
    this.#open.addBatch(batch);
    if (this.#open.bytes >= config.frameBytesTarget) this.#seal();
  }

  /** Asks the peer; see `PendingRequests.add`. Leaves by itself at the end of this turn. */
  request(method: PeerMethod, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    this.#dialer.start();
    const answer = this.#requests.add(method, body, timeoutMs);
    if (!this.#flushDeferred) {
      this.#flushDeferred = true;
      this.#context.clock.defer(() => {
        this.#flushDeferred = false;
        this.#send(false);
      });
    }
    return answer;
  }

  /** Sends what waits, in as few gathered sends as the connection takes. */
  flush(): void {
    this.#send(true);
  }

  /** Ends for good and fails what waits. */
  close(reason: string): void {
    this.#isClosed = true;
    this.#dialer.close(reason);
    this.#dropFrames();
    this.#requests.failAll(reason);
  }

  #send(includesOpen: boolean): void {
    const connection = this.#dialer.connection;
    if (connection === undefined) return;
    while (connection.isWritable) {
      // A frame that is open while the connection is full goes on collecting messages.
      if (includesOpen && this.#frames.length === 0) this.#seal();
      if (this.#frames.length === 0 && !this.#requests.hasUnsent) return;
      this.#sendOnce(connection, includesOpen);
    }
  }

  #sendOnce(connection: FrameConnection, includesOpen: boolean): void {
    const buffers: Uint8Array[] = [];
    const sent: MessageFrame[] = [];
    let bytes = 0;
    const checksums = this.#lane !== "append" || this.#context.config.appendChecksums;
    if (includesOpen) this.#seal();
    for (const frame of this.#frames) {
      if (bytes > 0 && bytes + frame.bytes > sendBytesMax) break;
      frame.finishInto(buffers, checksums);
      bytes += frame.bytes;
      sent.push(frame);
      this.#counters.messagesSent += frame.messageCount;
    }
    this.#frames.splice(0, sent.length);
    this.#counters.framesSent += sent.length;
    this.#requests.takeUnsent(buffers, sendRequestBytesMax);
    connection.send(buffers, () => this.#onSent(connection, sent, bytes));
  }

  #onSent(connection: FrameConnection, frames: readonly MessageFrame[], bytes: number): void {
    this.#queuedBytes -= bytes;
    const outcome = connection.isClosed ? "failure" : "finish";
    for (const frame of frames) {
      for (const each of frame.snapshots) this.#reportSnapshot(each.group, each.message, outcome);
      this.#context.frames.give(frame);
    }
  }

  #onFrame(frame: ReceivedFrame): boolean {
    if (frame.kind !== frameKind.answer) {
      throw corruptFrame(`a frame of kind ${frame.kind} where only answers are expected`);
    }
    this.#requests.settle(decodeAnswer(frame.owned ? frame.payload : Buffer.from(frame.payload)));
    return false;
  }

  #onLost(reason: string): void {
    this.#requests.failSent(reason);
    this.#dropFrames();
    this.#owner.onDropped();
  }

  /** Closes the open frame where the next message would make it too large to be sent. */
  #makeRoom(bytes: number, items: number): void {
    const open = this.#open;
    if (open === undefined) return;
    const payloadBytes = open.bytes - frameHeaderBytes + bytes;
    const isFull =
      payloadBytes > this.#context.config.frameBytesMax ||
      open.itemCount + items > frameItemCountMax;
    if (isFull) this.#seal();
  }

  #seal(): void {
    if (this.#open === undefined) return;
    this.#frames.push(this.#open);
    this.#queuedBytes += this.#open.bytes;
    this.#open = undefined;
  }

  #drop(group: GroupKey, message: Message): false {
    this.#counters.messagesDropped += 1;
    if (message.type === "MsgSnap") this.#reportSnapshot(group, message, "failure");
    this.#owner.onDropped();
    return false;
  }

  #dropFrames(): void {
    this.#seal();
    for (const frame of this.#frames) {
      this.#queuedBytes -= frame.bytes;
      this.#counters.messagesDropped += frame.messageCount;
      for (const each of frame.snapshots) this.#reportSnapshot(each.group, each.message, "failure");
      this.#context.frames.give(frame);
    }
    this.#frames = [];
  }

  #reportSnapshot(group: GroupKey, message: Message, outcome: SnapshotOutcome): void {
    const { clock, events } = this.#context;
    clock.defer(() => {
      if (!this.#isClosed) events.onSnapshotStatus?.(this.#peerId, group, message, outcome);
    });
  }
}
