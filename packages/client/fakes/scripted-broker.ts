import {
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import {
  clusterService,
  encodeErrorStatus,
  fetchService,
  type FetchStreamRequest,
  type FetchStreamResponseInit,
  type GetMetadataResponseInit,
  type GrpcMethod,
  groupService,
  produceService,
  type ProduceStreamRequest,
  type ProduceStreamResponseInit,
  RopewalkError,
  statusDetailsKey,
  topicService,
} from "@ropewalk/protocol";

/** A produce stream as a test sees it from the broker's side. */
export type ProduceSide = ServerDuplexStream<ProduceStreamRequest, ProduceStreamResponseInit>;

/** A fetch stream as a test sees it from the broker's side. */
export type FetchSide = ServerDuplexStream<FetchStreamRequest, FetchStreamResponseInit>;

/** How a unary call is answered; a method that has none answers UNIMPLEMENTED. Each takes its own method's request. */
type UnaryScript = (request: never) => unknown;

/**
 * The services of a broker over a real loopback socket, with behaviour that a test gives: unary methods by
 * `on`, streams by `onProduce` and `onFetch`.
 */
export class ScriptedBroker implements AsyncDisposable {
  readonly brokerId: number;
  port = 0;
  onProduce: (stream: ProduceSide) => void = (stream) => stream.end();
  onFetch: (stream: FetchSide) => void = (stream) => stream.end();
  readonly calls: { readonly path: string; readonly request: unknown }[] = [];
  readonly #scripts = new Map<string, UnaryScript>();
  #server: Server;

  private constructor(brokerId: number) {
    this.brokerId = brokerId;
    this.#server = this.#newServer();
  }

  static async start(brokerId: number): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(brokerId);
    await broker.listen();
    return broker;
  }

  /** Answers a unary method with what `script` returns, or with the RopewalkError that it throws. */
  on<Request, Response>(
    method:
      | GrpcMethod<Request, unknown, unknown, Response, false, false>
      | GrpcMethod<Request, never, unknown, Response, false, false>,
    script: (request: Request) => Response | Promise<Response>,
  ): void {
    this.#scripts.set(method.path, script);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Listens again on the same port, after `kill`. */
  async listen(): Promise<void> {
    this.port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(
        `127.0.0.1:${this.port}`,
        ServerCredentials.createInsecure(),
        (error, port) => {
          if (error === null) resolve(port);
          else reject(error);
        },
      );
    });
  }

  /** Cuts every connection and stops listening. */
  kill(): void {
    this.#server.forceShutdown();
    this.#server = this.#newServer();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    await Promise.resolve();
  }

  #newServer(): Server {
    const server = new Server();
    for (const service of [
      clusterService,
      fetchService,
      groupService,
      produceService,
      topicService,
    ]) {
      this.#serve(server, service);
    }
    return server;
  }

  #serve(server: Server, service: ServiceDefinition): void {
    const handlers: UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(service)) {
      if (name === "produceStream")
        handlers[name] = (stream: ProduceSide) => this.#guard(stream, this.onProduce);
      else if (name === "fetchStream")
        handlers[name] = (stream: FetchSide) => this.#guard(stream, this.onFetch);
      else handlers[name] = this.#unary(method.path);
    }
    server.addService(service, handlers);
  }

  #guard<Side extends ProduceSide | FetchSide>(stream: Side, handle: (stream: Side) => void): void {
    // A cancelled stream is an event of the test, not an error of the process.
    (stream as ProduceSide).on("error", () => {});
    handle(stream);
  }

  #unary(path: string): handleUnaryCall<unknown, unknown> {
    return (call, done) => {
      this.calls.push({ path, request: call.request });
      const script = this.#scripts.get(path);
      if (script === undefined) {
        done({ code: status.UNIMPLEMENTED, details: `no script for ${path}` });
        return;
      }
      Promise.resolve(call.request)
        .then((request) => script(request as never))
        .then(
          (response: unknown) => done(null, response),
          (error: unknown) => done(failureOf(error)),
        );
    };
  }
}

/** Ends a stream as a broker does that goes away in the middle; what is written to it afterwards is lost. */
export function breakStream(stream: ProduceSide | FetchSide): void {
  stream.emit("error", { code: 14, details: "broken by the test" });
  // Node destroys a stream that is written to after its end. While earlier messages are still on their way, its
  // status would never leave, and the client would wait for it until its request timeout.
  stream.write = () => false;
}

/** An error as a broker sends it. */
function failureOf(error: unknown): { code: number; details: string; metadata: Metadata } {
  const ours =
    error instanceof RopewalkError
      ? error
      : new RopewalkError("UNKNOWN_SERVER_ERROR", String(error));
  const metadata = new Metadata();
  metadata.set(statusDetailsKey, encodeErrorStatus(ours));
  return { code: ours.traits.grpcStatus, details: ours.message, metadata };
}

/** Metadata of brokers and of one topic whose partition i is led by `leaders[i]`. */
export function metadataOf(
  brokers: readonly ScriptedBroker[],
  topic: string,
  leaders: readonly number[],
  leaderEpoch = 1,
): GetMetadataResponseInit {
  return {
    clusterId: "test",
    controllerId: 1,
    brokers: brokers.map(({ brokerId, port }) => ({
      brokerId,
      host: "127.0.0.1",
      port,
      alive: true,
    })),
    topics: [
      {
        name: topic,
        topicId: `${topic}-id`,
        partitions: leaders.map((leaderId, partition) => ({ partition, leaderId, leaderEpoch })),
      },
    ],
  };
}
