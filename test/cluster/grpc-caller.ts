import {
  type ClientDuplexStream,
  credentials,
  makeGenericClientConstructor,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { decodeErrorStatus, type GrpcMethod, statusDetailsKey } from "@ropewalk/protocol";

/** How a call was refused: by its gRPC status, and by the detail that says it in the product's words. */
export interface Refusal {
  readonly grpcStatus: number;
  readonly code: string | undefined;
  readonly message: string;
}

/** A client without a product around it: the schema and grpc-js, to say what the client never would. */
export class GrpcCaller implements Disposable {
  readonly #client: InstanceType<ReturnType<typeof makeGenericClientConstructor>>;

  constructor(address: string) {
    const Client = makeGenericClientConstructor({}, "any");
    this.#client = new Client(address, credentials.createInsecure());
  }

  /** Rejects with grpc-js's error. */
  call<Q, QI, P, PI>(method: GrpcMethod<Q, QI, P, PI, false, false>, request: QI): Promise<P> {
    const { path, requestSerialize, responseDeserialize } = method;
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        {},
        (error, answer) => {
          if (error === null && answer !== undefined) resolve(answer);
          else reject(error);
        },
      );
    });
  }

  /** Answers how the call was refused; `undefined`: it was not. */
  async refusal<Q, QI, P, PI>(
    method: GrpcMethod<Q, QI, P, PI, false, false>,
    request: QI,
  ): Promise<Refusal | undefined> {
    try {
      await this.call(method, request);
      return undefined;
    } catch (error) {
      const { code, details, metadata } = error as ServiceError;
      const [detail] = metadata.get(statusDetailsKey);
      const told = detail instanceof Buffer ? decodeErrorStatus(detail) : undefined;
      return { grpcStatus: code, code: told?.code, message: details };
    }
  }

  open<Q, QI, P, PI>(method: GrpcMethod<Q, QI, P, PI, true, true>): ClientDuplexStream<QI, P> {
    const { path, requestSerialize, responseDeserialize } = method;
    return this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      new Metadata(),
    );
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}
