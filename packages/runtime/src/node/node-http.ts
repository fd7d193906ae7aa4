import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { HttpAnswer, HttpServer } from "../http.ts";
import type { Logger } from "../logger.ts";
import type { Address, Listener } from "../network.ts";
import { listen } from "./tcp-listen.ts";

/** A client gets this long for its headers, its whole request, and between any two bytes. */
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 30_000;
const HEADER_BYTES_MAX = 8 * 1024;
const CONNECTION_COUNT_MAX = 256;

type Answer = (path: string) => HttpAnswer | undefined | Promise<HttpAnswer | undefined>;

/**
 * HTTP/1.1 for metrics and health: GET only (405 otherwise), one request a connection, so that no
 * idle connection outlives a request. An `answer` that throws or rejects becomes a 500 without its
 * reason, which goes to the log.
 */
export class NodeHttp implements HttpServer {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `answer` gets the path without its query. Rejects with a NetworkError. */
  async serve(address: Address, answer: Answer): Promise<Listener> {
    const server = createServer({
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
      keepAlive: false,
    });
    server.timeout = IDLE_TIMEOUT_MS;
    server.maxConnections = CONNECTION_COUNT_MAX;
    server.on("request", (request, response) => {
      void this.#respond(request, response, answer);
    });
    const port = await listen(server, address);
    // Without a listener, one connection that cannot be accepted would end the process.
    server.on("error", (error) => {
      this.#logger.warn("An HTTP connection could not be accepted", { port, error });
    });
    return new HttpListener(server, port);
  }

  async #respond(
    request: IncomingMessage,
    response: ServerResponse,
    answer: Answer,
  ): Promise<void> {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    if (request.method !== "GET") {
      response.setHeader("allow", "GET");
      send(response, plain(405, "Only GET is answered here."));
      return;
    }
    try {
      send(response, (await answer(path)) ?? plain(404, "There is nothing at this path."));
    } catch (error) {
      this.#logger.error("An HTTP request could not be answered", { path, error });
      send(response, plain(500, "The answer could not be made; the log tells why."));
    }
  }
}

class HttpListener implements Listener {
  readonly port: number;
  readonly #server: Server;

  constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Gives the port back and cuts the requests under way. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

function plain(status: number, sentence: string): HttpAnswer {
  return { status, contentType: "text/plain; charset=utf-8", body: `${sentence}\n` };
}

function send(response: ServerResponse, answer: HttpAnswer): void {
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, {
    "content-type": answer.contentType,
    "content-length": body.byteLength,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    connection: "close",
  });
  response.end(body);
}
