import assert from "node:assert/strict";
import { RopewalkError } from "@ropewalk/protocol";
import type { Address, Connection, ConnectionHandler, Listener, Runtime } from "@ropewalk/runtime";
import type { Message } from "raft-ts";
import type { GroupRoute, PeerBatch } from "raft-ts/multi";
import type { HeldBytes } from "../held-bytes.ts";
import { AcceptedPeer } from "./accepted-peer.ts";
import { ConnectionWatch } from "./connection-watch.ts";
import { helloBytesMax } from "./hello.ts";
import { MessageFramePool } from "./message-frame.ts";
import { lanes, peerConfigWith } from "./peer-config.ts";
import type { Lane, PeerConfig } from "./peer-config.ts";
import type { PeerContext, PeerEvents } from "./peer-context.ts";
import { newPeerCounters } from "./peer-counters.ts";
import type { PeerCounters } from "./peer-counters.ts";
import { PeerLink } from "./peer-link.ts";
import { ReceiveBudget } from "./receive-budget.ts";
import { RefusalLog } from "./refusal-log.ts";
import { requestHeadBytesMax } from "./request-codec.ts";
import type { AnswerSize, PeerMethod } from "./request-codec.ts";

/** What a {@link PeerNetwork} is started with. */
export interface PeerNetworkOptions extends PeerEvents {
  readonly runtime: Pick<Runtime, "clock" | "random" | "network" | "logger">;
  /** 1 … 2^31 − 1. */
  readonly brokerId: number;
  readonly directoryId: string;
  readonly listen: Address;
  /** Where peers reach this broker, which it tells those that it connects to. Absent: they know or find out. */
  readonly advertise?: Address;
  /** The entry of the metadata's log that took this broker in; 0: it helped to form the cluster. Absent: it does not say. */
  enteredIndex?(): number;
  /** The cluster this broker belongs to; empty as long as it does not know. */
  clusterId(): string;
  readonly config?: Partial<PeerConfig>;
}

const pooledFrameCountMax = 64;

/**
 * The connections of this broker to all others. It opens three to every peer it has something for and
 * sends on them alone; the peers do the same, and this broker listens on theirs.
 */
export class PeerNetwork {
  /** What happened since the start, by lane. */
  readonly counters: PeerCounters;
  readonly #brokerId: number;
  readonly #context: PeerContext;
  readonly #watch: ConnectionWatch;
  readonly #links = new Map<number, PeerLink>();
  /** Links with messages since the last `flush`. */
  readonly #dirty = new Set<PeerLink>();
  readonly #accepted = new Set<AcceptedPeer>();
  readonly #heardMs = new Map<number, number>();
  #listener: Listener | undefined;
  #isClosed = false;

  private constructor(options: PeerNetworkOptions) {
    const { runtime, brokerId, directoryId } = options;
    const config = peerConfigWith(options.config ?? {});
    const { control, append, bulk } = config.receiveBytesMax;
    this.#brokerId = brokerId;
    this.counters = newPeerCounters();
    this.#watch = new ConnectionWatch(runtime.clock, config.beatIntervalMs);
    this.#context = {
      clock: runtime.clock,
      random: runtime.random,
      network: runtime.network,
      logger: runtime.logger,
      config,
      events: options,
      counters: this.counters,
      budgets: {
        control: new ReceiveBudget(control),
        append: new ReceiveBudget(append),
        bulk: new ReceiveBudget(bulk),
      },
      greetingBudget: new ReceiveBudget(config.greetingCountMax * helloBytesMax),
      frames: new MessageFramePool(pooledFrameCountMax),
      refusals: new RefusalLog(runtime.logger),
      address: options.advertise,
      identity: () => ({
        brokerId,
        directoryId,
        clusterId: options.clusterId(),
        enteredIndex: options.enteredIndex?.(),
      }),
      heard: (peerId, nowMs) => this.#heardMs.set(peerId, nowMs),
      watch: (connection, isGreeting) => this.#watch.add(connection, isGreeting),
      unwatch: (connection) => this.#watch.remove(connection),
    };
  }

  /** Listens. Rejects where the port cannot be had. */
  static async start(options: PeerNetworkOptions): Promise<PeerNetwork> {
    const network = new PeerNetwork(options);
    const accept = (connection: Connection): ConnectionHandler => network.#accept(connection);
    network.#listener = await options.runtime.network.listen(options.listen, accept);
    network.#watch.start();
    return network;
  }

  /** The port in use. */
  get port(): number {
    assert(this.#listener !== undefined, "the network was not started");
    return this.#listener.port;
  }

  /** Opens the control lane to a peer before there is anything to send, so that each hears the other. */
  connect(peerId: number): void {
    if (!this.#isClosed) this.#link(peerId);
  }

  /** Ends everything with a peer that no longer belongs to the cluster. It may be addressed again. */
  disconnect(peerId: number): void {
    const link = this.#links.get(peerId);
    this.#links.delete(peerId);
    this.#heardMs.delete(peerId);
    if (link !== undefined) {
      this.#dirty.delete(link);
      link.close("the broker was removed");
    }
    for (const peer of this.#accepted) {
      if (peer.origin?.peerId === peerId) peer.connection.close("the broker was removed");
    }
  }

  /**
   * Takes a message for another broker; it leaves with the next `flush`. False: it was dropped, and
   * `onUnreachable` follows. Data of entries and of a snapshot is not copied and must never change.
   */
  send(to: number, group: GroupRoute, message: Message): boolean {
    if (this.#isClosed) return false;
    const link = this.#link(to);
    this.#dirty.add(link);
    return link.send(group, message);
  }

  /** Takes a batch of heartbeats for the broker that it names; it leaves with the next `flush`. */
  sendBatch(batch: PeerBatch): void {
    if (this.#isClosed) return;
    const link = this.#link(batch.to);
    this.#dirty.add(link);
    link.sendBatch(batch);
  }

  /** Sends what was taken since the last time: one gathered send for each peer and lane. */
  flush(): void {
    for (const link of this.#dirty) link.flush();
    this.#dirty.clear();
  }

  /**
   * Asks another broker. Rejects with a RopewalkError: the peer's own; or BUSY or LEADER_NOT_AVAILABLE
   * where the request was not sent; or REQUEST_TIMED_OUT or UNKNOWN_OUTCOME where the peer may have
   * handled it. `body` must stay untouched until the promise settles; the answer is the caller's.
   */
  request(
    peerId: number,
    method: PeerMethod,
    body: Uint8Array,
    timeoutMs: number,
    answerSize: AnswerSize = "small",
  ): Promise<Uint8Array> {
    if (this.#isClosed) {
      return Promise.reject(
        new RopewalkError("LEADER_NOT_AVAILABLE", `Cannot ask broker ${peerId}: shutting down.`),
      );
    }
    const { frameBytesMax } = this.#context.config;
    if (body.length + requestHeadBytesMax > frameBytesMax) {
      const message = `Cannot ask broker ${peerId} for ${method}: ${body.length} bytes, ${frameBytesMax} are allowed.`;
      return Promise.reject(new RopewalkError("MESSAGE_TOO_LARGE", message));
    }
    return this.#link(peerId).request(method, body, timeoutMs, answerSize);
  }

  /** When anything last arrived from a broker, by the monotonic clock; undefined: not since the start. */
  lastHeardMs(brokerId: number): number | undefined {
    return this.#heardMs.get(brokerId);
  }

  /** The peers that heartbeats can be sent to. */
  connectedPeers(): number[] {
    const connected: number[] = [];
    for (const [peerId, link] of this.#links) if (link.isConnected) connected.push(peerId);
    return connected;
  }

  /** Bytes of messages that one lane holds, all peers together. */
  queuedBytes(lane: Lane): number {
    let bytes = 0;
    for (const link of this.#links.values()) bytes += link.queuedBytes(lane);
    return bytes;
  }

  /** Bytes of frames that arrived on one lane and are not handled yet. */
  receivedBytes(lane: Lane): number {
    return this.#context.budgets[lane].usedBytes;
  }

  /** What waits for each peer, and what came from all of them and is not handled yet. */
  heldBytes(): HeldBytes[] {
    const { budgets, config } = this.#context;
    const received = lanes.map((lane) => ({
      purpose: `frames that came on the ${lane} lane`,
      bytes: budgets[lane].usedBytes,
      bytesMax: config.receiveBytesMax[lane],
    }));
    const queued = [...this.#links].flatMap(([peerId, link]) =>
      lanes.map((lane) => ({
        purpose: `messages to broker ${peerId} on the ${lane} lane`,
        bytes: link.queuedBytes(lane),
        bytesMax: config.queueBytesMax[lane],
      })),
    );
    return [...received, ...queued];
  }

  /** Gives the port back, ends every connection and fails the requests that wait. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#watch.stop();
    for (const link of this.#links.values()) link.close("this broker is shutting down");
    for (const peer of this.#accepted) peer.connection.close("this broker is shutting down");
    await this.#listener?.close();
  }

  #link(peerId: number): PeerLink {
    const known = this.#links.get(peerId);
    if (known !== undefined) return known;
    assert(peerId !== this.#brokerId, "a broker sends nothing to itself");
    const link = new PeerLink(peerId, this.#context, () => this.#onRefused(peerId));
    this.#links.set(peerId, link);
    link.start();
    return link;
  }

  /**
   * A process that listens is not refused, however busy it is, and one that ends takes its connections with it. Where
   * nobody listens any more and every connection is over, in both directions, the process that this broker heard is gone.
   * A firewall that refuses new connections, or an address that never was the peer's, leaves those that the peer has opened.
   */
  #onRefused(peerId: number): void {
    if (this.#isClosed || !this.#heardMs.has(peerId)) return;
    if (this.#links.get(peerId)?.hasConnection === true) return;
    for (const { origin } of this.#accepted) if (origin?.peerId === peerId) return;
    this.#context.events.onProcessEnded?.(peerId);
  }

  #accept(raw: Connection): ConnectionHandler {
    const peer = new AcceptedPeer(raw, this.#context, {
      onGreeted: (greeted) => this.#onGreeted(greeted),
      onClose: (closed) => this.#accepted.delete(closed),
    });
    this.#accepted.add(peer);
    if (this.#isClosed) peer.connection.close("this broker is shutting down");
    else if (this.#greetingCount() > this.#context.config.greetingCountMax) {
      peer.connection.close("too many connections without a hello");
    }
    return peer.connection;
  }

  #onGreeted(peer: AcceptedPeer): void {
    const { origin } = peer;
    if (origin === undefined) return;
    // The peer has one connection a lane: an older one is half-open, or belongs to its last life.
    for (const other of this.#accepted) {
      const { peerId, lane } = other.origin ?? {};
      if (other !== peer && peerId === origin.peerId && lane === origin.lane) {
        other.connection.close("replaced by a newer connection");
      }
    }
    this.#links.get(origin.peerId)?.retrySoon();
  }

  #greetingCount(): number {
    let count = 0;
    for (const peer of this.#accepted) if (peer.origin === undefined) count += 1;
    return count;
  }
}
