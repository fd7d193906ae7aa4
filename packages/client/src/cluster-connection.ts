import { type ClientDuplexStream, Metadata } from "@grpc/grpc-js";
import { clusterService, type GrpcMethod, RopewalkError } from "@ropewalk/protocol";
import type { Clock, Logger, Random } from "@ropewalk/runtime";
import { Backoff, pause } from "./backoff.ts";
import { type Channel, ChannelPool, type Channels, formatAddress } from "./channel-pool.ts";
import { errorFromGrpc } from "./grpc-error.ts";
import { MetadataCache } from "./metadata-cache.ts";
import { readMetadata } from "./metadata-pages.ts";

/** What a client needs from the world, and where it finds the cluster. */
export interface ConnectionOptions {
  /** Some of the cluster's brokers, as "host:port"; the others are learned from them. */
  readonly bootstrapServers: readonly string[];
  readonly clientId: string;
  /** Where the client is, as brokers name their racks; empty: nowhere in particular. */
  readonly rack: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Default: gRPC over TCP. */
  readonly channels?: Channels | undefined;
}

/** A unary method as the generated code describes it. */
export type UnaryMethod<Request, Response> = Pick<
  GrpcMethod<unknown, Request, Response, unknown, false, false>,
  "path" | "requestSerialize" | "responseDeserialize"
>;

/** A bidirectional streaming method as the generated code describes it. */
export type StreamMethod<Request, Response> = Pick<
  GrpcMethod<unknown, Request, Response, unknown, true, true>,
  "path" | "requestSerialize" | "responseDeserialize"
>;

/** How a call is made. */
export interface CallOptions {
  /** Begins the message of every error: "Cannot create topic orders". */
  readonly action: string;
  /** All attempts together. */
  readonly timeoutMs: number;
  /**
   * "any": made again after every retriable failure, for calls that may happen twice. "definite": only
   * after failures that say that nothing happened.
   */
  readonly retry: "any" | "definite";
  readonly signal?: AbortSignal | undefined;
}

/** How long one broker may take to answer what any other could answer too. */
const attemptTimeoutMs = 5_000;

/** How long one round of asking for metadata may take. */
const refreshTimeoutMs = 10_000;

/**
 * One client's connections to a cluster, and what it knows of it. Shared by the producers, consumers and
 * admins of the client.
 */
export class ClusterConnection {
  readonly clientId: string;
  readonly rack: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metadata: MetadataCache = new MetadataCache();
  /** Producers and consumers that are not closed. */
  readonly users: Set<AsyncDisposable> = new Set();
  readonly #bootstrapServers: readonly string[];
  readonly #channels: Channels;
  #turn: number;
  readonly #closing = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #next: { readonly topics: Set<string>; readonly done: Promise<void> } | undefined;

  constructor(options: ConnectionOptions) {
    if (options.bootstrapServers.length === 0)
      throw new Error("bootstrapServers must not be empty");
    this.clientId = options.clientId;
    this.rack = options.rack;
    this.clock = options.clock;
    this.random = options.random;
    this.logger = options.logger;
    this.#bootstrapServers = options.bootstrapServers;
    this.#channels = options.channels ?? new ChannelPool(options.clientId);
    this.#turn = options.random.integer(options.bootstrapServers.length);
  }

  /** A back-off with the pauses of this client. */
  backoff(): Backoff {
    return new Backoff(this.random);
  }

  /** Opens a stream to a broker; `undefined` where its address is not known. */
  openStream<Request, Response>(
    brokerId: number,
    method: StreamMethod<Request, Response>,
  ): ClientDuplexStream<Request, Response> | undefined {
    const { path, requestSerialize, responseDeserialize } = method;
    return this.#brokerChannel(brokerId)?.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      new Metadata(),
    );
  }

  /**
   * Asks for brokers and for the leaders of `topics` until somebody answers, and puts the answer into
   * `metadata`. Callers that ask while another question is under way share the next one.
   */
  refresh(topics: Iterable<string>): Promise<void> {
    this.#next ??= this.#scheduleRefresh();
    for (const topic of topics) this.#next.topics.add(topic);
    return this.#next.done;
  }

  #scheduleRefresh(): { topics: Set<string>; done: Promise<void> } {
    const topics = new Set<string>();
    const ask = async (): Promise<void> => {
      this.#next = undefined;
      const options = {
        action: "Cannot read metadata",
        timeoutMs: refreshTimeoutMs,
        retry: "any",
      } as const;
      await readMetadata(topics, {
        ask: (some) => this.call(clusterService.getMetadata, { topics: some }, options),
        merge: (answer, some) => this.metadata.merge(answer, some),
      });
    };
    const done = this.#running.then(ask);
    this.#running = done.catch(() => {});
    return { topics, done };
  }

  /** Is aborted when the connections are closed: nothing is tried again then. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Calls whichever broker answers. Rejects with a {@link RopewalkError}. */
  async call<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    const backoff = this.backoff();
    const endMs = this.clock.monotonicMs() + options.timeoutMs;
    let hintId: number | undefined;
    for (let attempt = 1; ; attempt++) {
      const channel = this.#channelFor(hintId);
      const leftMs = endMs - this.clock.monotonicMs();
      const timeoutMs = options.retry === "any" ? Math.min(leftMs, attemptTimeoutMs) : leftMs;
      try {
        return await this.#callOnce(channel, method, request, timeoutMs, options);
      } catch (failure) {
        const error = errorFromGrpc(failure, options.action);
        if (!mayRepeat(error, options)) throw error;
        hintId = error.leaderId;
        if (hintId === undefined) this.#turn++;
        const pauseMs = this.#pauseAfter(error, attempt, backoff);
        if (this.clock.monotonicMs() + pauseMs >= endMs) throw error;
        const { closed } = this;
        const signals = options.signal === undefined ? [closed] : [closed, options.signal];
        await pause(this.clock, pauseMs, AbortSignal.any(signals));
        if (closed.aborted) throw error;
      }
    }
  }

  // Every server gets its chance before the first pause; a broker that names another one is believed once.
  #pauseAfter(error: RopewalkError, attempt: number, backoff: Backoff): number {
    if (error.retryAfterMs !== undefined) return backoff.nextMs(error.retryAfterMs);
    const isFirstRound = attempt < this.#servers().length;
    return isFirstRound && error.code === "LEADER_NOT_AVAILABLE" ? 0 : backoff.nextMs();
  }

  /** Calls one broker, once. Rejects with a {@link RopewalkError}; NOT_LEADER where its address is not known. */
  async callBroker<Request, Response>(
    brokerId: number,
    method: UnaryMethod<Request, Response>,
    request: Request,
    options: Omit<CallOptions, "retry">,
  ): Promise<Response> {
    const channel = this.#brokerChannel(brokerId);
    if (channel === undefined) {
      throw new RopewalkError("NOT_LEADER", `${options.action}: nobody knows broker ${brokerId}`);
    }
    try {
      return await this.#callOnce(channel, method, request, options.timeoutMs, options);
    } catch (failure) {
      throw errorFromGrpc(failure, options.action);
    }
  }

  #callOnce<Request, Response>(
    channel: Channel,
    method: UnaryMethod<Request, Response>,
    request: Request,
    timeoutMs: number,
    options: { readonly action: string; readonly signal?: AbortSignal | undefined },
  ): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = method;
    const deadline = this.clock.wallMs() + timeoutMs;
    return new Promise((resolve, reject) => {
      const cancel = (): void => call.cancel();
      const call = channel.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        { deadline },
        (failure, response) => {
          options.signal?.removeEventListener("abort", cancel);
          if (failure === null && response !== undefined) resolve(response);
          else reject(errorFromGrpc(failure, options.action));
        },
      );
      options.signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  #channelFor(hintId: number | undefined): Channel {
    const hinted = hintId === undefined ? undefined : this.#brokerChannel(hintId);
    if (hinted !== undefined) return hinted;
    const servers = this.#servers();
    return this.#channels.channel(servers[this.#turn % servers.length] ?? "");
  }

  #servers(): readonly string[] {
    const known = this.metadata.brokers().map(({ host, port }) => formatAddress(host, port));
    const unknown = this.#bootstrapServers.filter((server) => !known.includes(server));
    return [...unknown, ...known];
  }

  #brokerChannel(brokerId: number): Channel | undefined {
    const endpoint = this.metadata.broker(brokerId);
    if (endpoint === undefined) return undefined;
    return this.#channels.channel(formatAddress(endpoint.host, endpoint.port));
  }

  /** Closes every connection; what is under way fails. */
  close(): void {
    this.#closing.abort();
    this.#channels.close();
  }
}

function mayRepeat(error: RopewalkError, options: CallOptions): boolean {
  if (options.signal?.aborted === true) return false;
  // Writes retry this one, because a new topic reaches brokers at different times. A question is answered by it.
  if (error.code === "UNKNOWN_TOPIC_OR_PARTITION") return false;
  return error.retriable && (options.retry === "any" || error.outcome === "definite");
}
