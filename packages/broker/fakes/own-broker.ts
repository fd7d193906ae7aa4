import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, makeGenericClientConstructor, Metadata } from "@grpc/grpc-js";
import {
  decodeErrorStatus,
  type GrpcMethod,
  RecordBatchBuilder,
  RopewalkError,
  statusDetailsKey,
} from "@ropewalk/protocol";
import type { Runtime } from "@ropewalk/runtime";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { Broker } from "../src/broker.ts";
import type { BrokerConfig } from "../src/config.ts";

/** Where the tests' brokers listen. */
export const localhost = "127.0.0.1";

/** The machine, without a word. */
export const runtime: Runtime = nodeRuntime({ log: { level: "silent" } });

/** Makes a unary call. */
export type Call = <Q, QI, P, PI>(
  method: GrpcMethod<Q, QI, P, PI, false, false>,
  request: QI,
) => Promise<P>;

/** Makes a unary call with a deadline. */
export type CallWithin = <Q, QI, P, PI>(
  timeoutMs: number,
  method: GrpcMethod<Q, QI, P, PI, false, false>,
  request: QI,
) => Promise<P>;

/** A broker with a directory of its own, which goes with it. */
export interface OwnBroker extends AsyncDisposable {
  readonly directory: string;
  readonly call: Call;
  /** The same, with a deadline so many milliseconds from now. */
  readonly callWithin: CallWithin;
  /** Stops it, and starts it again. */
  again(meanwhile: () => void): Promise<void>;
}

/** One broker is a whole cluster; port 0 would do, but clients need to know it. */
export function configOf(
  dataDirectory: string,
  clientPort: number,
  changes: Partial<BrokerConfig> = {},
): BrokerConfig {
  return {
    brokerId: 1,
    dataDirectory,
    client: {
      listen: { host: localhost, port: clientPort },
      advertise: { host: localhost, port: clientPort },
    },
    peer: { listen: { host: localhost, port: 0 }, advertise: { host: localhost, port: 0 } },
    http: { listen: { host: localhost, port: 0 } },
    bootstrap: [{ brokerId: 1, address: { host: localhost, port: 0 } }],
    rack: "",
    limits: { tickMs: 5 },
    ...changes,
  };
}

/** A client without a product around it: the schema and grpc-js. */
export function connect(port: number): {
  call: Call;
  callWithin: CallWithin;
  close: () => void;
} {
  const Client = makeGenericClientConstructor({}, "any");
  const client = new Client(`${localhost}:${port}`, credentials.createInsecure());
  const callWith =
    (options: { readonly deadline?: number }): Call =>
    (method, request) =>
      new Promise((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = method;
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          new Metadata(),
          options,
          (error, answer) => {
            const details = error?.metadata.get(statusDetailsKey)[0];
            if (details instanceof Buffer) reject(decodeErrorStatus(details));
            else if (error !== null) reject(error);
            else if (answer !== undefined) resolve(answer);
          },
        );
      });
  return {
    close: () => client.close(),
    call: callWith({}),
    callWithin: (timeoutMs, method, request) =>
      callWith({ deadline: Date.now() + timeoutMs })(method, request),
  };
}

/** A batch of values without keys. */
export function batchOf(
  values: readonly string[],
  producer?: { producerId: number; baseSequence: number },
): Buffer {
  const builder = new RecordBatchBuilder();
  for (const value of values) builder.append(1000, undefined, Buffer.from(value));
  return Buffer.from(
    builder.build(producer === undefined ? {} : { ...producer, producerEpoch: 0 }),
  );
}

/** What a call ended with. */
export async function codeOf(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return "no error";
  } catch (error) {
    return error instanceof RopewalkError ? error.code : String(error);
  }
}

/** Starts a broker that is a whole cluster. */
/** A broker of its own directory, and a client; `again` ends the first and starts another on the same data. */
export async function ownBroker(
  clientPort: number,
  changes: Partial<BrokerConfig> = {},
): Promise<OwnBroker> {
  const own = mkdtempSync(join(tmpdir(), "ropewalk-broker-"));
  const config = configOf(own, clientPort, changes);
  let running = await Broker.start(config, runtime);
  await running.ready;
  let client = connect(clientPort);
  return {
    directory: own,
    call: (method, request) => client.call(method, request),
    callWithin: (timeoutMs, method, request) => client.callWithin(timeoutMs, method, request),
    again: async (meanwhile: () => void) => {
      client.close();
      await running.stop();
      meanwhile();
      running = await Broker.start(config, runtime);
      await running.ready;
      client = connect(clientPort);
    },
    [Symbol.asyncDispose]: async () => {
      client.close();
      await running.stop();
      rmSync(own, { recursive: true, force: true });
    },
  };
}
