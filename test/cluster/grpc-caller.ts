import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { decodeErrorStatus, type GrpcMethod, statusDetailsKey } from "@ropewalk/protocol";

/** How a call was refused: by its gRPC status, and by the detail that says it in the product's words. */
export interface Refusal {
  readonly grpcStatus: number;
  readonly code: string | undefined;
  readonly message: string;
}

/** A stream that is open in both directions, and what has come from it so far. */
export interface OpenCall<Request, Response> {
  readonly responses: readonly Response[];
  /** How it ended; `undefined`: not yet. */
  readonly status: number | undefined;
  write(request: Request): void;
  /** Says that nothing more will be written. */
  end(): void;
}

type Headers = Readonly<Record<string, string | readonly string[] | number | undefined>>;

/** A message is preceded by a flag (0: not compressed) and its length in four bytes. */
const prefixBytes = 5;

/**
 * gRPC by hand: the schema and HTTP/2, without the client and without a gRPC library, to say what
 * neither of them ever would.
 */
export class GrpcCaller implements Disposable {
  readonly #session: ClientHttp2Session;

  constructor(address: string) {
    this.#session = connect(`http://${address}`);
    this.#session.on("error", () => undefined); // Every stream of it is told as well.
  }

  /** Answers the response; throws where the call is refused. */
  async call<Q, QI, P, PI>(
    method: GrpcMethod<Q, QI, P, PI, false, false>,
    request: QI,
  ): Promise<P> {
    const answer = await this.#ask(method, request);
    if ("refusal" in answer) throw new Error(`${method.path}: ${answer.refusal.message}`);
    return answer.response;
  }

  /** Answers how the call was refused; `undefined`: it was not. */
  async refusal<Q, QI, P, PI>(
    method: GrpcMethod<Q, QI, P, PI, false, false>,
    request: QI,
  ): Promise<Refusal | undefined> {
    const answer = await this.#ask(method, request);
    return "refusal" in answer ? answer.refusal : undefined;
  }

  open<Q, QI, P, PI>(method: GrpcMethod<Q, QI, P, PI, true, true>): OpenCall<QI, P> {
    const stream = this.#request(method.path);
    const call = {
      responses: [] as P[],
      status: undefined as number | undefined,
      write: (request: QI) => void stream.write(framed(method.requestSerialize(request))),
      end: () => void stream.end(),
    };
    let rest: Buffer = Buffer.alloc(0);
    stream.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let bytes = firstMessage(rest); bytes !== undefined; bytes = firstMessage(rest)) {
        call.responses.push(method.responseDeserialize(bytes));
        rest = rest.subarray(prefixBytes + bytes.length);
      }
    });
    stream.on("error", () => (call.status ??= -1));
    stream.on("trailers", (trailers: Headers) => (call.status = Number(trailers["grpc-status"])));
    return call;
  }

  #ask<Q, QI, P, PI>(
    method: GrpcMethod<Q, QI, P, PI, false, false>,
    request: QI,
  ): Promise<{ response: P } | { refusal: Refusal }> {
    const stream = this.#request(method.path);
    const chunks: Buffer[] = [];
    let told: Headers = {};
    stream.on("response", (headers: Headers) => (told = { ...told, ...headers }));
    stream.on("trailers", (trailers: Headers) => (told = { ...told, ...trailers }));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.end(framed(method.requestSerialize(request)));
    return new Promise((resolve, reject) => {
      stream.once("error", reject);
      stream.once("close", () => {
        const bytes = firstMessage(Buffer.concat(chunks));
        if (told["grpc-status"] === undefined) reject(new Error(`${method.path}: no status came`));
        else if (told["grpc-status"] !== "0") resolve({ refusal: refusalIn(told) });
        else if (bytes === undefined) reject(new Error(`${method.path}: no message came`));
        else resolve({ response: method.responseDeserialize(bytes) });
      });
    });
  }

  #request(path: string): ClientHttp2Stream {
    return this.#session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}

function framed(message: Buffer): Buffer {
  const frame = Buffer.alloc(prefixBytes + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, prefixBytes);
  return frame;
}

/** The first whole message; `undefined`: more bytes are needed. */
function firstMessage(bytes: Buffer): Buffer | undefined {
  if (bytes.length < prefixBytes) return undefined;
  const end = prefixBytes + bytes.readUInt32BE(1);
  return bytes.length < end ? undefined : bytes.subarray(prefixBytes, end);
}

function refusalIn(headers: Headers): Refusal {
  const details = headers[statusDetailsKey];
  const told =
    typeof details === "string" ? decodeErrorStatus(Buffer.from(details, "base64")) : undefined;
  return {
    grpcStatus: Number(headers["grpc-status"]),
    code: told?.code,
    message: decodeURIComponent(String(headers["grpc-message"])),
  };
}
