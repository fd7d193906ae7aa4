import { NetworkError } from "@ropewalk/runtime";
import type { Connection, ConnectionHandler, Timer } from "@ropewalk/runtime";
import { FrameConnection } from "./frame-connection.ts";
import type { ReceivedFrame } from "./frame-assembler.ts";
import { corruptFrame, frameKind } from "./frame-header.ts";
import { decodeHelloAnswer, encodeHello, helloAnswerFault, helloBytesMax } from "./hello.ts";
import type { HelloAnswer } from "./hello.ts";
import type { Lane } from "./peer-config.ts";
import type { PeerContext } from "./peer-context.ts";

/** What the dialer tells the lane it works for. */
export interface DialerOwner {
  onReady(): void;
  /** Sending may go on. */
  onDrain(): void;
  /** A frame other than handshake and beats; see `FrameSink.onFrame`. */
  onFrame(frame: ReceivedFrame): boolean;
  /** The connection that was ready is gone, or an attempt failed. Another attempt follows. */
  onLost(reason: string): void;
  /** Nobody listens at the peer's address, says the system there: of an attempt that failed, after `onLost`. */
  onRefused(): void;
}

type Phase =
  | { readonly kind: "idle" }
  | { readonly kind: "dialing" }
  | { readonly kind: "greeting"; readonly connection: FrameConnection }
  | { readonly kind: "ready"; readonly connection: FrameConnection; readonly sinceMs: number }
  | { readonly kind: "waiting"; readonly timer: Timer; readonly refused: boolean }
  | { readonly kind: "closed" };

/**
 * Keeps one connection to one peer for one lane: dials, says hello, and begins again for ever when it
 * breaks, at growing, randomized distances.
 */
export class LaneDialer {
  readonly #peerId: number;
  readonly #lane: Lane;
  readonly #context: PeerContext;
  readonly #owner: DialerOwner;
  #phase: Phase = { kind: "idle" };
  #failureCount = 0;
  #refusal: string | undefined;

  constructor(peerId: number, lane: Lane, context: PeerContext, owner: DialerOwner) {
    this.#peerId = peerId;
    this.#lane = lane;
    this.#context = context;
    this.#owner = owner;
  }

  /** The connection, where frames may be sent on it. */
  get connection(): FrameConnection | undefined {
    return this.#phase.kind === "ready" ? this.#phase.connection : undefined;
  }

  /** The last attempt failed, and the next one has not begun. */
  get isWaiting(): boolean {
    return this.#phase.kind === "waiting";
  }

  /** Begins; harmless when that happened before. */
  start(): void {
    if (this.#phase.kind === "idle") this.#dial();
  }

  /** The peer was just heard from: no need to wait longer, unless it refuses this broker. */
  retrySoon(): void {
    if (this.#phase.kind !== "waiting" || this.#phase.refused) return;
    this.#phase.timer.cancel();
    this.#dial();
  }

  /** Ends for good. The owner is not told. */
  close(reason: string): void {
    const phase = this.#phase;
    this.#phase = { kind: "closed" };
    if (phase.kind === "waiting") phase.timer.cancel();
    if (phase.kind === "greeting" || phase.kind === "ready") phase.connection.close(reason);
  }

  #dial(): void {
    const { network, config, events } = this.#context;
    const address = events.addressOf(this.#peerId);
    if (address === undefined) {
      this.#wait("its address is not known");
      return;
    }
    this.#phase = { kind: "dialing" };
    network
      .connect(address, config.connectTimeoutMs, (connection) => this.#greet(connection))
      .catch((error: unknown) => {
        if (this.#phase.kind !== "dialing") return;
        this.#fail(reasonOf(error));
        if (error instanceof NetworkError && error.code === "REFUSED") this.#owner.onRefused();
      });
  }

  #greet(raw: Connection): ConnectionHandler {
    const { clock, config, budgets } = this.#context;
    const connection: FrameConnection = new FrameConnection(raw, {
      clock,
      config,
      payloadBytesMax: helloBytesMax,
      budget: budgets[this.#lane],
      owner: {
        onFrame: (frame) => this.#onFrame(connection, frame),
        onReadEnd: () => {},
        onDrain: () => this.#owner.onDrain(),
        onClose: (reason) => this.#onClose(connection, reason),
      },
    });
    if (this.#phase.kind !== "dialing") {
      connection.close("the link was closed");
      return connection;
    }
    this.#phase = { kind: "greeting", connection };
    this.#context.watch(connection, () => this.#phase.kind === "greeting");
    connection.send([encodeHello(this.#hello())]);
    return connection;
  }

  #hello(): Parameters<typeof encodeHello>[0] {
    const { versions } = this.#context.config;
    return {
      ...this.#context.identity(),
      lane: this.#lane,
      versionMin: versions.min,
      versionMax: versions.max,
      targetBrokerId: this.#peerId,
      address: this.#context.address,
    };
  }

  #onFrame(connection: FrameConnection, frame: ReceivedFrame): boolean {
    if (this.connection === connection) return this.#owner.onFrame(frame);
    if (frame.kind !== frameKind.helloAnswer) throw corruptFrame("no answer to a hello");
    const answer = decodeHelloAnswer(frame.payload);
    this.#context.events.onClusterSeen?.(answer.brokerId, answer.clusterId);
    const refusal = answer.refusal ?? this.#faultOf(answer);
    if (refusal === undefined) this.#accept(connection, answer.version);
    else this.#refuse(connection, refusal);
    return false;
  }

  #faultOf(answer: HelloAnswer): string | undefined {
    const { config, events } = this.#context;
    return (
      helloAnswerFault(answer, this.#context.identity(), this.#peerId, config.versions) ??
      events.verifyPeer({
        brokerId: answer.brokerId,
        directoryId: answer.directoryId,
        clusterId: answer.clusterId,
        enteredIndex: answer.enteredIndex,
        lane: this.#lane,
        openedBy: "self",
      })
    );
  }

  #accept(connection: FrameConnection, version: number): void {
    const { clock, config, budgets, counters, logger, refusals } = this.#context;
    const heard = (nowMs: number): void => this.#context.heard(this.#peerId, nowMs);
    connection.setVerified(config.frameBytesMax, budgets[this.#lane], counters[this.#lane], heard);
    counters[this.#lane].connects += 1;
    refusals.forget(this.#peerId);
    heard(clock.monotonicMs());
    this.#phase = { kind: "ready", connection, sinceMs: clock.monotonicMs() };
    logger.debug("Connected to a peer.", { peerId: this.#peerId, lane: this.#lane, version });
    this.#owner.onReady();
  }

  #refuse(connection: FrameConnection, reason: string): void {
    this.#refusal = reason;
    this.#context.counters[this.#lane].refusals += 1;
    connection.close(`refused: ${reason}`);
  }

  #onClose(connection: FrameConnection, reason: string): void {
    this.#context.unwatch(connection);
    const phase = this.#phase;
    if (phase.kind === "greeting" && phase.connection === connection) {
      this.#fail(reason);
    } else if (phase.kind === "ready" && phase.connection === connection) {
      this.#lose(phase.sinceMs, reason);
    }
  }

  #lose(readySinceMs: number, reason: string): void {
    const { clock, config, counters, logger } = this.#context;
    counters[this.#lane].disconnects += 1;
    logger.info("Lost the connection to a peer.", {
      peerId: this.#peerId,
      lane: this.#lane,
      reason,
    });
    // A connection that did not last must not be dialed again and again without a pause.
    if (clock.monotonicMs() - readySinceMs > config.retryMsMax) this.#failureCount = 0;
    this.#wait(reason);
  }

  #fail(reason: string): void {
    const { counters, logger, refusals } = this.#context;
    const fields = { peerId: this.#peerId, lane: this.#lane };
    counters[this.#lane].connectFailures += 1;
    // Once for each outage: the attempts go on for as long as it takes.
    if (this.#refusal !== undefined) {
      refusals.say("A peer cannot be used.", this.#refusal, fields);
    } else if (this.#failureCount === 0) {
      logger.info("Cannot connect to a peer; trying on.", { ...fields, reason });
    }
    this.#wait(reason);
  }

  #wait(reason: string): void {
    const { clock, config } = this.#context;
    const refused = this.#refusal !== undefined;
    this.#refusal = undefined;
    const steadyMs = refused ? config.refusedRetryMs : this.#backOffMs();
    const delayMs = steadyMs / 2 + this.#context.random.integer(Math.ceil(steadyMs / 2) + 1);
    this.#failureCount += 1;
    const timer = clock.setTimer(delayMs, () => this.#dial());
    this.#phase = { kind: "waiting", timer, refused };
    this.#owner.onLost(reason);
  }

  #backOffMs(): number {
    const { retryMsMin, retryMsMax } = this.#context.config;
    return Math.min(retryMsMax, retryMsMin * 2 ** Math.min(this.#failureCount, 30));
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
