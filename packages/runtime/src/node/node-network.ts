import { createServer, Socket } from "node:net";
import type { Server } from "node:net";
import type { Logger } from "../logger.ts";
import { NetworkError } from "../network.ts";
import type { Address, Connection, ConnectionHandler, Listener, Network } from "../network.ts";
import { errnoOf } from "./errno.ts";
import { listen } from "./tcp-listen.ts";
import { NodeConnection } from "./node-connection.ts";

/** The bounds of a {@link NodeNetwork}. */
export interface NodeNetworkOptions {
  /**
   * Bytes that a connection queues before `send` answers false; 1 MiB by default, 64 KiB at the
   * least. What is sent beyond it is queued all the same: it is the caller who stops.
   */
  readonly sendQueueBytesMax?: number;
  /** Connections that one listener keeps; further ones are closed at once. 10,000 by default. */
  readonly connectionCountMax?: number;
  /** Is told of connections that the system could not accept; nobody by default. */
  readonly logger?: Logger;
}

type Accept = (connection: Connection) => ConnectionHandler;

/** TCP, without Nagle's delay. */
export class NodeNetwork implements Network {
  readonly #sendQueueBytesMax: number;
  readonly #connectionCountMax: number;
  readonly #logger: Logger | undefined;

  constructor(options: NodeNetworkOptions = {}) {
    this.#sendQueueBytesMax = options.sendQueueBytesMax ?? 1024 * 1024;
    this.#connectionCountMax = options.connectionCountMax ?? 10_000;
    this.#logger = options.logger;
  }

  /** Rejects with a NetworkError, PORT_IN_USE or PORT_UNAVAILABLE. */
  async listen(address: Address, accept: Accept): Promise<Listener> {
    const server = createServer({ noDelay: true });
    server.maxConnections = this.#connectionCountMax;
    server.on("connection", (socket) => {
      const { remoteAddress, remotePort } = socket;
      if (remoteAddress === undefined || remotePort === undefined) {
        socket.destroy(); // It broke before it was accepted.
        return;
      }
      this.#attach(socket, { host: remoteAddress, port: remotePort }, accept);
    });
    const port = await listen(server, address);
    // Without a listener, one connection that cannot be accepted would end the process.
    server.on("error", (error) => {
      this.#logger?.warn("A connection could not be accepted", { port, error });
    });
    return new NodeListener(server, port);
  }

  /** Rejects with a NetworkError, TIMEOUT, REFUSED or UNREACHABLE. */
  connect(address: Address, timeoutMs: number, handler: Accept): Promise<Connection> {
    return new Promise((resolve, reject) => {
      // As an option of `connect` it would have no effect on a socket that is there already. Without it a message waits
      // for the peer to acknowledge the one before, which takes 40 ms where that is not answered.
      const socket = new Socket().setNoDelay(true);
      const timer = setTimeout(() => {
        socket.destroy(connectFailure(address, "TIMEOUT", `no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      const onError = (error: Error): void => {
        clearTimeout(timer);
        reject(
          error instanceof NetworkError
            ? error
            : connectFailure(address, failureCode(error), error.message, error),
        );
      };
      socket.once("error", onError);
      socket.connect({ host: address.host, port: address.port }, () => {
        clearTimeout(timer);
        socket.off("error", onError);
        resolve(this.#attach(socket, address, handler));
      });
    });
  }

  #attach(socket: Socket, remote: Address, handler: Accept): Connection {
    const connection = new NodeConnection(socket, remote, this.#sendQueueBytesMax);
    connection.attach(handler(connection));
    return connection;
  }
}

class NodeListener implements Listener {
  readonly port: number;
  readonly #server: Server;

  constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Gives the port back. Connections that were accepted before belong to their owners, and stay. */
  close(): Promise<void> {
    // The callback of Server.close waits for every connection to end; the port is free at once.
    this.#server.close();
    return Promise.resolve();
  }
}

/** Of a name with several addresses all must have refused: somebody may listen at the one that did not answer. */
function failureCode(error: Error): "REFUSED" | "UNREACHABLE" {
  const failures: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
  const isRefused = failures.every((failure) => errnoOf(failure) === "ECONNREFUSED");
  return isRefused ? "REFUSED" : "UNREACHABLE";
}

function connectFailure(
  address: Address,
  code: "TIMEOUT" | "REFUSED" | "UNREACHABLE",
  reason: string,
  cause?: Error,
): NetworkError {
  return new NetworkError(code, `Cannot connect to ${address.host}:${address.port}: ${reason}`, {
    cause,
  });
}
