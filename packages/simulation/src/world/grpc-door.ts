import { EventEmitter } from "node:events";
import {
  type handleBidiStreamingCall,
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  status,
} from "@grpc/grpc-js";
import type { ClientDoor, GrpcService } from "@ropewalk/broker";
import { bufferOf, grpcFailure, type GrpcFailure } from "./grpc-wire.ts";
import type { ToClient, ToServer } from "./grpc-wire.ts";
import { Pipe } from "./pipe.ts";
import type { SimulatedLinks } from "./simulated-links.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

type Handler = handleUnaryCall<unknown, unknown> & handleBidiStreamingCall<unknown, unknown>;

interface Served {
  readonly definition: MethodDefinition<unknown, unknown>;
  readonly handler: Handler;
}

/** How long calls may take to end once the door is closed, as the broker's own door has it. */
const stopMs = 500;

/** What a call asks of its door, and tells it. */
interface DoorSide {
  find(path: string): Served | undefined;
  isOver(): void;
}

/** Doors that are open, by "host:port". */
export type OpenDoors = Map<string, GrpcDoor>;

/** The services of one broker, for clients in the same simulation. */
export class GrpcDoor implements ClientDoor {
  readonly port: number;
  readonly process: SimulatedProcess;
  readonly #methods = new Map<string, Served>();
  readonly #close: () => Promise<void>;
  /** Calls that are not over. */
  readonly #calls = new Set<ServerSide>();

  constructor(
    process: SimulatedProcess,
    port: number,
    services: readonly GrpcService[],
    close: () => Promise<void>,
  ) {
    this.process = process;
    this.port = port;
    this.#close = close;
    for (const [definitions, handlers] of services) {
      for (const [name, definition] of Object.entries(definitions)) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The method's kind decides, as in grpc-js.
        const handler = handlers[name] as Handler | undefined;
        if (handler !== undefined) this.#methods.set(definition.path, { definition, handler });
      }
    }
  }

  /** Nobody comes in any more; calls that do not end in a while are ended. */
  async close(): Promise<void> {
    await this.#close();
    if (this.#calls.size === 0) return;
    await this.#turn(stopMs);
    for (const call of [...this.#calls]) call.end();
    await this.#turn(0); // Handlers hear of it.
  }

  #turn(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.process.post(delayMs, resolve));
  }

  /** Answers one call; what comes from the client goes to the answer. */
  accept(links: SimulatedLinks, client: SimulatedProcess, call: ClientSide): ServerSide {
    const side: ServerSide = new ServerSide(this.process, links, client, call, {
      find: (path) => this.#methods.get(path),
      isOver: () => void this.#calls.delete(side),
    });
    this.#calls.add(side);
    return side;
  }
}

/** The client's side of a call, as the server sees it. */
export interface ClientSide {
  received(answer: ToClient): void;
  drained(): void;
}

/** One call, on the server's side. */
export class ServerSide {
  readonly process: SimulatedProcess;
  readonly #pipe: Pipe<ToClient>;
  readonly #door: DoorSide;
  #stream: ServerStream | undefined;
  #isOver = false;
  /** Asks the client's pipe to wait, or to go on. */
  flow: { pause(): void; resume(): void } = { pause() {}, resume() {} };

  constructor(
    process: SimulatedProcess,
    links: SimulatedLinks,
    client: SimulatedProcess,
    side: ClientSide,
    door: DoorSide,
  ) {
    this.process = process;
    this.#door = door;
    this.#pipe = new Pipe(
      { links, from: process, to: client },
      (answer) => side.received(answer),
      () => this.#stream?.emit("drain"),
    );
  }

  received(message: ToServer): void {
    if (this.#isOver) return;
    if (message.kind === "unary") this.#unary(message);
    else if (message.kind === "open") this.#open(message.path);
    else if (message.kind === "message") this.#stream?.deliver(message.bytes);
    else if (message.kind === "end") this.#stream?.emit("end");
    else this.lost();
  }

  /** The client is gone. */
  lost(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#door.isOver();
    this.#pipe.close();
    this.#stream?.gone();
  }

  /** The server stops. */
  end(): void {
    this.#finish(grpcFailure(status.UNAVAILABLE, "the server is shutting down"));
  }

  #unary({ bytes, path, timeoutMs }: ToServer & { readonly kind: "unary" }): void {
    const deadlineMs = this.process.wallMs() + timeoutMs;
    const served = this.#door.find(path);
    if (served === undefined) return this.#finish(grpcFailure(status.UNIMPLEMENTED, path));
    const { definition, handler } = served;
    const call = Object.assign(new EventEmitter(), {
      request: definition.requestDeserialize(bytes),
      metadata: new Metadata(),
      cancelled: false,
      getPeer: () => "simulated",
      getPath: () => path,
      getDeadline: () => deadlineMs,
    });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- What handlers use of a call is there.
    handler(call as never, (error, response) => {
      if (this.#isOver) return;
      if (error !== null) return this.#finish(failureOf(error));
      this.#send(bufferOf(definition.responseSerialize(response)));
      this.#finish(undefined);
    });
  }

  #open(path: string): void {
    const served = this.#door.find(path);
    if (served === undefined) return this.#finish(grpcFailure(status.UNIMPLEMENTED, path));
    const { definition, handler } = served;
    this.#stream = new ServerStream({
      process: this.process,
      deserialize: (bytes) => definition.requestDeserialize(bytes),
      serialize: (message) => bufferOf(definition.responseSerialize(message)),
      send: (bytes) => this.#send(bytes),
      finish: (failure) => this.#finish(failure),
      flow: this.flow,
    });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- As above.
    handler(this.#stream as never);
  }

  #send(bytes: Buffer): boolean {
    return this.#isOver || this.#pipe.send({ kind: "message", bytes }, bytes.length);
  }

  #finish(failure: GrpcFailure | undefined): void {
    if (this.#isOver) return;
    this.#pipe.send({ kind: "status", failure }, 0);
    this.#isOver = true;
    this.#door.isOver();
    this.#stream?.gone();
  }
}

interface ServerStreamOptions {
  readonly process: SimulatedProcess;
  readonly deserialize: (bytes: Buffer) => unknown;
  readonly serialize: (message: unknown) => Buffer;
  readonly send: (bytes: Buffer) => boolean;
  readonly finish: (failure: GrpcFailure | undefined) => void;
  readonly flow: { pause(): void; resume(): void };
}

/** What a handler of a stream is given. */
class ServerStream extends EventEmitter {
  readonly #options: ServerStreamOptions;
  #isGone = false;

  constructor(options: ServerStreamOptions) {
    super();
    this.#options = options;
  }

  deliver(bytes: Buffer): void {
    if (!this.#isGone) this.emit("data", this.#options.deserialize(bytes));
  }

  write(message: unknown, written?: () => void): boolean {
    if (written !== undefined) this.#options.process.post(0, written);
    return this.#isGone || this.#options.send(this.#options.serialize(message));
  }

  end(): void {
    this.#options.finish(undefined);
  }

  pause(): void {
    this.#options.flow.pause();
  }

  resume(): void {
    this.#options.flow.resume();
  }

  gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#options.process.post(0, () => {
      this.emit("cancelled");
      this.emit("close");
    });
  }
}

function failureOf(error: Partial<GrpcFailure>): GrpcFailure {
  const { code = status.UNKNOWN, details = "", metadata = new Metadata() } = error;
  return grpcFailure(code, details, metadata);
}
