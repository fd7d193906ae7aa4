import type { Message, MessageType } from "raft-ts";
import type { GroupRoute, PeerBatch } from "raft-ts/multi";
import { OutgoingLane } from "./outgoing-lane.ts";
import { lanes } from "./peer-config.ts";
import type { Lane } from "./peer-config.ts";
import type { PeerContext } from "./peer-context.ts";
import type { AnswerSize, PeerMethod } from "./request-codec.ts";

/**
 * The lane of a message.
 *
 * Raft asks for no order between messages: each may be lost, doubled or late, so lanes may overtake each
 * other. What is kept in order is kept for speed alone: a MsgApp without entries names the last entry
 * that was sent as its predecessor, and one that overtook that entry would be refused and make the leader
 * probe. So every MsgApp takes the append lane. MsgProp goes there too: it carries data. A heartbeat
 * names no more of the log than its receiver has acknowledged, and answers are not compared with
 * each other, so all others take the control lane and never wait behind data.
 */
export function laneOf(type: MessageType): Lane {
  if (type === "MsgApp" || type === "MsgProp") return "append";
  return type === "MsgSnap" ? "bulk" : "control";
}

/** Everything that goes to one peer: three lanes, each a connection of its own that this broker opens. */
export class PeerLink {
  readonly #context: PeerContext;
  readonly #peerId: number;
  readonly #lanes: Readonly<Record<Lane, OutgoingLane>>;
  #unreachableDeferred = false;
  #isClosed = false;

  /** `onRefused`: nobody listens at the peer's address, says the system there. */
  constructor(peerId: number, context: PeerContext, onRefused: () => void) {
    this.#context = context;
    this.#peerId = peerId;
    const owner = { onDropped: () => this.#reportUnreachable(), onRefused };
    const newLane = (lane: Lane): OutgoingLane => new OutgoingLane(peerId, lane, context, owner);
    this.#lanes = {
      control: newLane("control"),
      append: newLane("append"),
      bulk: newLane("bulk"),
    };
  }

  /** Whether heartbeats can be sent. */
  get isConnected(): boolean {
    return this.#lanes.control.isReady;
  }

  /** Whether any lane has a connection. */
  get hasConnection(): boolean {
    return lanes.some((lane) => this.#lanes[lane].isReady);
  }

  /** Opens the control lane; the others open with their first message. */
  start(): void {
    this.#lanes.control.start();
  }

  /** The peer was just heard from: whoever waits to dial it again does so now. */
  retrySoon(): void {
    for (const lane of lanes) this.#lanes[lane].retrySoon();
  }

  /** Takes a message for the next `flush`; false where it was dropped. */
  send(group: GroupRoute, message: Message): boolean {
    return this.#lanes[laneOf(message.type)].enqueue(group, message);
  }

  /** Takes a batch of heartbeats for the next `flush`; they never wait behind data. */
  sendBatch(batch: PeerBatch): void {
    this.#lanes.control.enqueueBatch(batch);
  }

  /** Sends what was collected: one gathered send a lane. */
  flush(): void {
    for (const lane of lanes) this.#lanes[lane].flush();
  }

  request(
    method: PeerMethod,
    body: Uint8Array,
    timeoutMs: number,
    answerSize: AnswerSize,
  ): Promise<Uint8Array> {
    const isSmall = body.length <= this.#context.config.controlRequestBytesMax;
    const lane = isSmall && answerSize === "small" ? "control" : "bulk";
    return this.#lanes[lane].request(method, body, timeoutMs);
  }

  /** Bytes of messages that one lane holds for the peer. */
  queuedBytes(lane: Lane): number {
    return this.#lanes[lane].queuedBytes;
  }

  /** Ends for good. */
  close(reason: string): void {
    this.#isClosed = true;
    for (const lane of lanes) this.#lanes[lane].close(reason);
  }

  // The owner may be in the middle of a pass over its groups: it is told afterwards, and once.
  #reportUnreachable(): void {
    if (this.#unreachableDeferred) return;
    this.#unreachableDeferred = true;
    this.#context.clock.defer(() => {
      this.#unreachableDeferred = false;
      if (!this.#isClosed) this.#context.events.onUnreachable(this.#peerId);
    });
  }
}
