/**
 * One method of a gRPC service, in the shape that `@grpc/grpc-js` takes: a record of them is a
 * `ServiceDefinition`, for `server.addService()` as for `makeGenericClientConstructor()`.
 *
 * What is sent may leave fields out (`…Init`); what arrives has them all.
 */
export interface GrpcMethod<
  Request,
  RequestInit,
  Response,
  ResponseInit,
  RequestStream extends boolean,
  ResponseStream extends boolean,
> {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly requestStream: RequestStream;
  readonly responseStream: ResponseStream;
  readonly requestSerialize: (message: RequestInit) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (message: ResponseInit) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}
