import { logVerbosity, setLogVerbosity, ServerCredentials } from "@grpc/grpc-js";
import type { Address, Clock } from "@ropewalk/runtime";
import type { BrokerLimits } from "../config.ts";
import type { GrpcService } from "./grpc-services.ts";
import { createWindowedServer, type WindowedServer } from "./windowed-server.ts";

/** What the door needs. */
export interface GrpcDoorOptions {
  readonly listen: Address;
  readonly services: readonly GrpcService[];
  readonly clock: Clock;
  readonly limits: BrokerLimits;
}

/** A door for clients that is open. */
export interface ClientDoor {
  /** The port in use. */
  readonly port: number;
  /** Lets calls that are nearly done finish, then ends the rest. */
  close(): Promise<void>;
}

const stopMs = 500;

/** The front door that speaks gRPC. */
export class GrpcDoor implements ClientDoor {
  readonly port: number;
  readonly #server: WindowedServer;
  readonly #clock: Clock;

  private constructor(server: WindowedServer, port: number, clock: Clock) {
    this.#server = server;
    this.port = port;
    this.#clock = clock;
  }

  /** Opens the port. Rejects where it cannot be had; the error names it. */
  static async open(options: GrpcDoorOptions): Promise<GrpcDoor> {
    const { host, port } = options.listen;
    setLogVerbosity(logVerbosity.NONE); // It would print beside the structured log; errors come back anyway.
    const windowed = createWindowedServer({
      "grpc.max_receive_message_length": options.limits.requestBytesMax,
      "grpc.max_send_message_length": -1,
      "grpc.enable_channelz": 0,
      "grpc.max_concurrent_streams": options.limits.streamsPerConnectionMax,
      // A client whose machine went away says nothing; without this its streams would stay for ever.
      "grpc.keepalive_time_ms": 30_000,
      "grpc.keepalive_timeout_ms": 10_000,
    });
    const { server } = windowed;
    for (const [definition, handlers] of options.services) server.addService(definition, handlers);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    server.bindAsync(
      `${bracketed(host)}:${port}`,
      ServerCredentials.createInsecure(),
      (error, bound) => {
        if (error === null) resolve(bound);
        else reject(portError(host, port, error));
      },
    );
    return new GrpcDoor(windowed, await promise, options.clock);
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.setTimer(stopMs, () => {
      this.#server.shutDown();
      resolve();
    });
    this.#server.server.tryShutdown(() => resolve());
    await promise;
    timer.cancel();
  }
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function portError(host: string, port: number, cause: Error): Error {
  const inUse = cause.message.includes("EADDRINUSE");
  const message = `Cannot listen for gRPC on ${host}:${port}: ${inUse ? "the port is in use" : cause.message}`;
  return Object.assign(new Error(message, { cause }), { code: inUse ? "EADDRINUSE" : "EIO" });
}
