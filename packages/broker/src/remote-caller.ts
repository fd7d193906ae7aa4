import { type GrpcMethod, RopewalkError } from "@ropewalk/protocol";
import type { AnswerSize } from "./peer/request-codec.ts";
import { brokerVersion } from "./version.ts";

/** Something that one broker asks of another: a method of a service, without streams. */
export type RemoteCall<Request, RequestInit, Response, ResponseInit> = GrpcMethod<
  Request,
  RequestInit,
  Response,
  ResponseInit,
  false,
  false
>;

/** The part of the peer network that calls go over. */
export interface RequestSender {
  request(
    to: number,
    method: string,
    body: Uint8Array,
    timeoutMs: number,
    answerSize?: AnswerSize,
  ): Promise<Uint8Array>;
}

/** How a call differs from most. */
export interface CallOptions {
  readonly timeoutMs?: number;
  readonly answerSize?: AnswerSize;
}

type Handler = (from: number, body: Uint8Array) => Promise<Uint8Array>;

/** Asks other brokers, and answers them. A call to the own broker does not leave it. */
export class RemoteCaller {
  readonly #brokerId: number;
  readonly #timeoutMs: number;
  readonly #sender: () => RequestSender;
  readonly #handlers = new Map<string, Handler>();
  readonly #openToStrangers = new Set<string>();

  constructor(brokerId: number, timeoutMs: number, sender: () => RequestSender) {
    this.#brokerId = brokerId;
    this.#timeoutMs = timeoutMs;
    this.#sender = sender;
  }

  /** Says how this broker answers a call of another one. */
  handle<Request, RequestInit, Response, ResponseInit>(
    call: RemoteCall<Request, RequestInit, Response, ResponseInit>,
    answer: (request: Request, from: number) => Promise<ResponseInit>,
  ): void {
    this.#handlers.set(call.path, async (from, body) =>
      call.responseSerialize(await answer(call.requestDeserialize(asBuffer(body)), from)),
    );
  }

  /** As `handle`, and for brokers, too, that do not belong to the cluster (yet). */
  handleStrangers<Request, RequestInit, Response, ResponseInit>(
    call: RemoteCall<Request, RequestInit, Response, ResponseInit>,
    answer: (request: Request, from: number) => Promise<ResponseInit>,
  ): void {
    this.handle(call, answer);
    this.#openToStrangers.add(call.path);
  }

  /** Answers another broker. Rejects with what the handler rejects with. */
  answer(
    from: number,
    method: string,
    body: Uint8Array,
    isStranger: boolean = false,
  ): Promise<Uint8Array> {
    const handler = this.#handlers.get(method);
    if (isStranger && !this.#openToStrangers.has(method)) {
      // Mostly it asks for a client, who did nothing wrong and is to go to another broker.
      const message = `Cannot answer ${method}: broker ${from} has another data directory than the one that is registered; ask another broker`;
      return Promise.reject(new RopewalkError("LEADER_NOT_AVAILABLE", message));
    }
    if (handler !== undefined) return handler(from, body);
    const message = `Cannot answer ${JSON.stringify(method)}: version ${brokerVersion} of broker ${this.#brokerId} does not know the call; where the cluster is being upgraded, upgrade this broker first`;
    return Promise.reject(new RopewalkError("INVALID_REQUEST", message));
  }

  /** Asks a broker. Rejects with its error, or an indefinite one when no answer came. */
  async call<Request, RequestInit, Response, ResponseInit>(
    call: RemoteCall<Request, RequestInit, Response, ResponseInit>,
    brokerId: number,
    request: RequestInit,
    { answerSize = "small", timeoutMs = this.#timeoutMs }: CallOptions = {},
  ): Promise<Response> {
    const body = call.requestSerialize(request);
    const answer =
      brokerId === this.#brokerId
        ? await this.answer(brokerId, call.path, body)
        : await this.#sender().request(brokerId, call.path, body, timeoutMs, answerSize);
    return call.responseDeserialize(asBuffer(answer));
  }
}

/** The same bytes as the class that gRPC's codecs want. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
