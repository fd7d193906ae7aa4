import { EventEmitter } from "node:events";
import { status } from "@grpc/grpc-js";
import type { Channel, Channels } from "@ropewalk/client";
import type { OpenDoors, ServerSide } from "./grpc-door.ts";
import {
  bufferOf,
  connectionLost,
  grpcFailure,
  type GrpcFailure,
  neverConnected,
  type ToClient,
  type ToServer,
} from "./grpc-wire.ts";
import { Holdings } from "./holdings.ts";
import { Pipe } from "./pipe.ts";
import type { SimulatedLinks } from "./simulated-links.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Trace } from "./trace.ts";

/** A cut link is noticed after so long, as by gRPC's keepalive. */
const keepaliveMs = 10_000;

type Serialize = (message: never) => unknown;
type Deserialize = (bytes: Buffer) => unknown;

/** Where a simulated client finds doors. */
export interface ClientWorld {
  readonly doors: OpenDoors;
  readonly links: SimulatedLinks;
  readonly trace: Trace;
}

/** gRPC without TCP: the calls of one client process to the doors of a simulation. */
export class SimulatedChannels implements Channels {
  readonly #world: ClientWorld;
  readonly #process: SimulatedProcess;
  readonly #holdings: Holdings;
  readonly #calls = new Set<ClientCall>();

  /** Calls that are under way are held in `holdings`. */
  constructor(world: ClientWorld, process: SimulatedProcess, holdings: Holdings = new Holdings()) {
    this.#world = world;
    this.#process = process;
    this.#holdings = holdings;
  }

  channel(address: string): Channel {
    const makeUnaryRequest = (
      path: string,
      serialize: Serialize,
      deserialize: Deserialize,
      request: never,
      _metadata: unknown,
      options: { readonly deadline: number },
      callback: (failure: GrpcFailure | null, response?: unknown) => void,
    ): unknown => {
      let response: unknown;
      const call = this.#call(address, {
        message: (bytes) => (response = deserialize(bytes)),
        over: (failure) => callback(failure ?? null, response),
        drained: () => undefined,
      });
      const timeoutMs = options.deadline - this.#process.wallMs();
      call.deadline(timeoutMs);
      call.send({ kind: "unary", path, bytes: bufferOf(serialize(request)), timeoutMs });
      return { cancel: () => call.fail(grpcFailure(status.CANCELLED, "Cancelled on client")) };
    };
    const makeBidiStreamRequest = (
      path: string,
      serialize: Serialize,
      deserialize: Deserialize,
    ): unknown =>
      new ClientStream((hears) => this.#call(address, hears), path, serialize, deserialize);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- grpc-js's overloads; the client uses one of each.
    return { makeUnaryRequest, makeBidiStreamRequest } as unknown as Channel;
  }

  close(): void {
    for (const call of this.#calls) call.fail(grpcFailure(status.CANCELLED, "Channel closed"));
  }

  #call(address: string, hears: CallHearer): ClientCall {
    const giveBack = this.#holdings.take("call", address);
    const call = new ClientCall(this.#world, this.#process, address, {
      ...hears,
      over: (failure) => {
        giveBack();
        this.#calls.delete(call);
        hears.over(failure);
      },
    });
    this.#calls.add(call);
    return call;
  }
}

interface CallHearer {
  message(bytes: Buffer): void;
  over(failure: GrpcFailure | undefined): void;
  drained(): void;
}

/** One call, on the client's side. */
class ClientCall {
  readonly #process: SimulatedProcess;
  readonly #hears: CallHearer;
  readonly #pipe: Pipe<ToServer> | undefined;
  readonly #ended: (() => void)[] = [];
  #isOver = false;

  constructor(world: ClientWorld, process: SimulatedProcess, address: string, hears: CallHearer) {
    this.#process = process;
    this.#hears = hears;
    const door = world.doors.get(address);
    const [host = ""] = address.split(":");
    if (door?.process.isAlive !== true) {
      const back = world.links.latencyMs(process.host, host, 0) * 2;
      process.post(back, () => this.fail(neverConnected(address)));
      return;
    }
    const server: ServerSide = door.accept(world.links, process, {
      received: (answer) => this.#received(answer),
      drained: () => undefined,
    });
    const pipe = new Pipe<ToServer>(
      { links: world.links, from: process, to: door.process },
      (message) => {
        world.trace.mark(2, "bytes" in message ? message.bytes.length : 0);
        server.received(message);
      },
      () => hears.drained(),
    );
    server.flow = { pause: () => pipe.pause(), resume: () => pipe.resume() };
    this.#pipe = pipe;
    this.#watch(world, server);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  send(message: ToServer): boolean {
    if (this.#isOver || this.#pipe === undefined) return false;
    return this.#pipe.send(message, "bytes" in message ? message.bytes.length : 0);
  }

  deadline(delayMs: number): void {
    this.#process.post(delayMs, () =>
      this.fail(grpcFailure(status.DEADLINE_EXCEEDED, "Deadline exceeded")),
    );
  }

  fail(failure: GrpcFailure): void {
    if (this.#isOver) return;
    this.send({ kind: "cancel" });
    this.#end(failure);
  }

  #received(answer: ToClient): void {
    if (this.#isOver) return;
    if (answer.kind === "message") this.#hears.message(answer.bytes);
    else this.#end(answer.failure);
  }

  #end(failure: GrpcFailure | undefined): void {
    this.#isOver = true;
    for (const forget of this.#ended) forget();
    this.#hears.over(failure);
  }

  /** Notices that the other process died, or cannot be reached. */
  #watch({ links }: ClientWorld, server: ServerSide): void {
    const [here, there] = [this.#process.host, server.process.host];
    const serverDied = server.process.onDeath((death) => {
      const noticedMs = death === "kill" ? links.latencyMs(there, here, 0) : keepaliveMs;
      this.#process.post(noticedMs, () => this.fail(connectionLost()));
    });
    const clientDied = this.#process.onDeath(() => {
      server.process.post(links.latencyMs(here, there, 0), () => server.lost());
    });
    const reset = links.onReset(here, there, () => {
      server.process.post(0, () => server.lost());
      this.#process.post(0, () => this.fail(connectionLost()));
    });
    this.#ended.push(serverDied, clientDied, reset);
    let cutMs = 0;
    const check = (): void => {
      if (this.#isOver) return;
      const isCut = links.isCut(here, there) || links.isCut(there, here);
      cutMs = isCut ? cutMs + keepaliveMs / 5 : 0;
      if (cutMs < keepaliveMs) {
        this.#process.post(keepaliveMs / 5, check);
        return;
      }
      server.process.post(0, () => server.lost());
      this.fail(connectionLost());
    };
    this.#process.post(keepaliveMs / 5, check);
  }
}

/** What `makeBidiStreamRequest` answers. */
class ClientStream extends EventEmitter {
  readonly #call: ClientCall;
  readonly #serialize: Serialize;

  constructor(
    call: (hears: CallHearer) => ClientCall,
    path: string,
    serialize: Serialize,
    deserialize: Deserialize,
  ) {
    super();
    this.#serialize = serialize;
    this.#call = call({
      message: (bytes) => this.emit("data", deserialize(bytes)),
      over: (failure) => {
        if (failure === undefined) this.emit("end");
        else this.emit("error", failure);
        this.emit("status", failure ?? { code: status.OK, details: "" });
        this.emit("close");
      },
      drained: () => this.emit("drain"),
    });
    this.#call.send({ kind: "open", path });
  }

  write(message: never, written?: () => void): boolean {
    if (this.#call.isOver) return false;
    const isRoomy = this.#call.send({ kind: "message", bytes: bufferOf(this.#serialize(message)) });
    if (written !== undefined) queueMicrotask(written);
    return isRoomy;
  }

  end(): void {
    this.#call.send({ kind: "end" });
  }

  cancel(): void {
    this.#call.fail(grpcFailure(status.CANCELLED, "Cancelled on client"));
  }
}
