import { RopewalkError } from "@ropewalk/protocol";
import type { Connection } from "@ropewalk/runtime";
import type { PeerBatch } from "raft-ts/multi";
import type { ReceivedFrame } from "./frame-assembler.ts";
import { FrameConnection } from "./frame-connection.ts";
import { corruptFrame, frameKind } from "./frame-header.ts";
import { decodeHello, encodeHelloAnswer, helloBytesMax, helloFault } from "./hello.ts";
import type { Hello } from "./hello.ts";
import type { GroupMessage } from "./message-codec.ts";
import { decodeMessageFrame } from "./message-frame.ts";
import { type Lane, spokenPeerVersions } from "./peer-config.ts";
import type { PeerContext } from "./peer-context.ts";
import { decodeRequest, encodeAnswer, requestHeadBytesMax } from "./request-codec.ts";
import type { PeerRequest } from "./request-codec.ts";

/** What an accepted connection tells the network it belongs to. */
export interface AcceptedPeerOwner {
  /** The handshake succeeded: messages and requests follow. */
  onGreeted(peer: AcceptedPeer): void;
  onClose(peer: AcceptedPeer): void;
}

type Phase =
  | { readonly kind: "greeting" }
  | { readonly kind: "refused" }
  | {
      readonly kind: "open";
      readonly peerId: number;
      readonly directoryId: string;
      readonly enteredIndex: number | undefined;
      readonly lane: Lane;
      /** Of the frames. */
      readonly version: number;
    };

/** A connection that a peer opened: it sends messages and requests, this side sends answers. */
export class AcceptedPeer {
  readonly connection: FrameConnection;
  readonly #context: PeerContext;
  readonly #owner: AcceptedPeerOwner;
  #phase: Phase = { kind: "greeting" };
  #messages: GroupMessage[] = [];
  #batches: PeerBatch[] = [];
  #messagesReservedBytes = 0;
  #handledCount = 0;
  #handledBytes = 0;

  constructor(connection: Connection, context: PeerContext, owner: AcceptedPeerOwner) {
    this.#context = context;
    this.#owner = owner;
    this.connection = new FrameConnection(connection, {
      clock: context.clock,
      config: context.config,
      payloadBytesMax: helloBytesMax,
      budget: context.greetingBudget,
      owner: {
        onFrame: (frame) => this.#onFrame(frame),
        onReadEnd: () => this.#deliver(),
        onDrain: () => {},
        onClose: (reason) => this.#onClose(reason),
      },
    });
    context.watch(this.connection, () => this.#phase.kind !== "open");
  }

  /** Who it is and what for, once the handshake succeeded. */
  get origin(): { readonly peerId: number; readonly lane: Lane } | undefined {
    return this.#phase.kind === "open" ? this.#phase : undefined;
  }

  #onFrame(frame: ReceivedFrame): boolean {
    const phase = this.#phase;
    if (phase.kind === "refused") return false;
    if (phase.kind === "greeting") {
      if (frame.kind !== frameKind.hello) throw corruptFrame("no hello at the beginning");
      this.#onHello(decodeHello(frame.payload));
      return false;
    }
    if (frame.kind === frameKind.messages) return this.#onMessages(frame);
    if (frame.kind !== frameKind.request) {
      throw corruptFrame(`a frame of kind ${frame.kind} from the side that asks`);
    }
    const payload = frame.owned ? frame.payload : Buffer.from(frame.payload);
    this.#onRequest(phase.peerId, phase.lane, decodeRequest(payload));
    return false;
  }

  #onHello(hello: Hello): void {
    const { address, brokerId, directoryId, clusterId, enteredIndex, lane } = hello;
    const identity = this.#context.identity();
    const isForThis = hello.targetBrokerId === identity.brokerId && clusterId !== "";
    if (isForThis) this.#context.events.onMemberSeen?.(brokerId, clusterId);
    const refusal =
      helloFault(hello, identity, this.#context.config.versions) ??
      this.#context.events.verifyPeer({
        brokerId,
        directoryId,
        clusterId,
        enteredIndex,
        lane,
        openedBy: "peer",
      });
    if (refusal !== undefined) {
      this.#refuse(hello, refusal);
      return;
    }
    const { budgets, config, counters, clock } = this.#context;
    const heard = (nowMs: number): void => this.#context.heard(brokerId, nowMs);
    // The newest that both speak.
    const version = Math.min(hello.versionMax, config.versions.max);
    this.connection.send([encodeHelloAnswer({ ...identity, version, refusal: undefined })]);
    this.connection.setVerified(config.frameBytesMax, budgets[lane], counters[lane], heard);
    heard(clock.monotonicMs());
    if (address !== undefined) this.#context.events.onAddressSaid?.(brokerId, address);
    this.#phase = { kind: "open", peerId: brokerId, directoryId, enteredIndex, lane, version };
    const isNewer = this.#isStranger(this.#phase) && this.#isNewer(this.#phase);
    // Batches of heartbeats come on this lane, and those of the one before are taken for later ones.
    if (isNewer && lane === "control") this.#context.events.onNewerSeen?.(brokerId);
    this.#owner.onGreeted(this);
  }

  #refuse(hello: Hello, refusal: string): void {
    const { counters, refusals } = this.#context;
    this.#phase = { kind: "refused" };
    counters[hello.lane].refusals += 1;
    refusals.say("Refused a connection from a peer.", refusal, {
      peerId: hello.brokerId,
      lane: hello.lane,
    });
    const answer = encodeHelloAnswer({ ...this.#context.identity(), version: 0, refusal });
    // The peer is to read why before the connection ends.
    this.connection.send([answer], () => this.connection.close(`refused: ${refusal}`));
  }

  #onMessages(frame: ReceivedFrame): boolean {
    decodeMessageFrame(frame.payload, frame.owned, this.#messages, this.#batches);
    this.#messagesReservedBytes += frame.reservedBytes;
    return true;
  }

  /** Hands the messages of one read to the owner, and gives their bytes back once it is done. */
  #deliver(): void {
    const { budgets, counters, events, logger } = this.#context;
    const phase = this.#phase;
    const messages = this.#messages;
    const batches = this.#batches;
    if (phase.kind !== "open" || messages.length + batches.length === 0) return;
    const reservedBytes = this.#messagesReservedBytes;
    this.#messages = [];
    this.#batches = [];
    this.#messagesReservedBytes = 0;
    counters[phase.lane].messagesReceived += messages.length + batches.length;
    const isTaken = !this.#isStranger(phase) || this.#isNewer(phase);
    const handled = isTaken ? events.onRaftMessages(phase.peerId, messages, batches) : undefined;
    if (handled === undefined) {
      budgets[phase.lane].release(reservedBytes);
      return;
    }
    handled
      .catch((error: unknown) => logger.error("Messages of a peer were not handled.", { error }))
      .finally(() => budgets[phase.lane].release(reservedBytes));
  }

  #onRequest(peerId: number, lane: Lane, request: PeerRequest): void {
    const { config, counters } = this.#context;
    const bytes = request.body.length;
    const isBusy =
      this.#handledCount >= config.handledCountMax ||
      (this.#handledCount > 0 && this.#handledBytes + bytes > config.handledBytesMax);
    if (isBusy) {
      counters[lane].requestsRefused += 1;
      const { brokerId } = this.#context.identity();
      this.#answer(request, new RopewalkError("BUSY", `Broker ${brokerId} has too many requests.`));
      return;
    }
    counters[lane].requestsHandled += 1;
    this.#handledCount += 1;
    this.#handledBytes += bytes;
    void this.#handle(peerId, request).finally(() => {
      this.#handledCount -= 1;
      this.#handledBytes -= bytes;
    });
  }

  /** Asked every time: a broker may be taken in, or be replaced by another incarnation, while it is connected. */
  #isStranger({ directoryId, peerId }: Extract<Phase, { kind: "open" }>): boolean {
    return this.#context.events.isStranger?.(peerId, directoryId) ?? false;
  }

  #isNewer({ enteredIndex }: Extract<Phase, { kind: "open" }>): boolean {
    return this.#context.events.isNewer?.(enteredIndex) ?? false;
  }

  async #handle(peerId: number, request: PeerRequest): Promise<void> {
    const { config, events, logger } = this.#context;
    try {
      const isStranger = this.#phase.kind === "open" && this.#isStranger(this.#phase);
      const body = await events.onRequest(peerId, request.method, request.body, isStranger);
      if (body.length + requestHeadBytesMax > config.frameBytesMax) {
        const message = `The answer to ${request.method} is ${body.length} bytes large, a frame holds ${config.frameBytesMax}.`;
        this.#answer(request, new RopewalkError("MESSAGE_TOO_LARGE", message));
      } else this.#answer(request, body);
    } catch (error) {
      if (!(error instanceof RopewalkError)) {
        logger.error("A request of a peer failed.", { peerId, method: request.method, error });
      }
      this.#answer(request, asRopewalkError(error));
    }
  }

  #answer(request: PeerRequest, outcome: Uint8Array | RopewalkError): void {
    if (this.connection.isClosed) return;
    const { answerBytesMax } = this.#context.config;
    const unsentBytes = this.connection.unsentBytes;
    const bytes = outcome instanceof RopewalkError ? 0 : outcome.length;
    if (unsentBytes > 0 && unsentBytes + bytes > answerBytesMax) {
      // The peer does not read its answers. What was asked for has happened all the same.
      const message = `Too many answers wait for the broker that asked.`;
      const error = new RopewalkError("UNKNOWN_OUTCOME", message);
      this.connection.send(encodeAnswer(request.requestId, error, this.#version));
      return;
    }
    this.connection.send(encodeAnswer(request.requestId, outcome, this.#version));
  }

  /** Of the frames, as it was agreed on. */
  get #version(): number {
    return this.#phase.kind === "open" ? this.#phase.version : spokenPeerVersions.min;
  }

  #onClose(reason: string): void {
    const { logger } = this.#context;
    this.#context.unwatch(this.connection);
    if (this.#phase.kind === "open") {
      logger.debug("A peer's connection ended.", { ...this.#phase, reason });
    }
    this.#owner.onClose(this);
  }
}

function asRopewalkError(error: unknown): RopewalkError {
  if (error instanceof RopewalkError) return error;
  return new RopewalkError("UNKNOWN_SERVER_ERROR", "The broker failed to handle the request.");
}
