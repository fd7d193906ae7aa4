import { Server, type ServerCredentials, type ServerOptions } from "@grpc/grpc-js";
import type {
  Http2SecureServer,
  Http2Server,
  ServerHttp2Session,
  ServerOptions as Http2Options,
} from "node:http2";

/** Bytes that a client may send before the server has taken them in, per stream and per connection. */
export const receiveWindowBytes: number = 4 * 1024 * 1024;

/** What grpc-js 1.14 keeps to itself. */
interface ServerInternals {
  commonServerOptions: Http2Options;
  createHttp2Server(credentials: ServerCredentials): Http2Server | Http2SecureServer;
}

/** A server and the connections that it has. */
export interface WindowedServer {
  readonly server: Server;
  /** Ends it and all connections at once. */
  readonly shutDown: () => void;
}

/**
 * A gRPC server with a receive window. grpc-js reads its window option in clients only; a server is
 * left with HTTP/2's 65,535 bytes, and large batches wait for window updates (280 against 930 MB/s at
 * 64 KiB). There is no public way, hence the pinned version and the test beside this file. Without channelz, grpc-js
 * does not know its connections either, and leaves them open when it is shut down by force.
 */
export function createWindowedServer(options: ServerOptions): WindowedServer {
  const server = new Server(options);
  const sessions = new Set<ServerHttp2Session>();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The members are private; see above.
  const internals = server as unknown as ServerInternals;
  const { commonServerOptions } = internals;
  commonServerOptions.settings = {
    ...commonServerOptions.settings,
    initialWindowSize: receiveWindowBytes,
  };
  const create = internals.createHttp2Server.bind(server);
  internals.createHttp2Server = (credentials) => {
    const http2Server = create(credentials);
    http2Server.on("session", (session: ServerHttp2Session) => {
      session.setLocalWindowSize(receiveWindowBytes);
      sessions.add(session);
      session.once("close", () => sessions.delete(session));
    });
    return http2Server;
  };
  const shutDown = (): void => {
    server.forceShutdown();
    for (const session of sessions) session.destroy();
  };
  return { server, shutDown };
}
