import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceError,
} from "@grpc/grpc-js";
import { expect, test } from "vitest";

import {
  fetchService,
  type FetchStreamRequest,
  type FetchStreamResponseInit,
} from "./generated/fetch-service.ts";
import {
  type ProduceRequest,
  type ProduceResponse,
  type ProduceResponseInit,
  produceService,
} from "./generated/produce-service.ts";
import { PayloadMessage } from "./payload-message.ts";

test("PayloadMessage.copy() writes the whole message where it is told to", () => {
  const message = { topic: "t", correlationId: 1, recordBatch: Buffer.from("batch") };
  const { requestSerialize, requestDeserialize } = produceService.produceStream;
  const serialized = requestSerialize(message);
  const target = Buffer.alloc(serialized.length + 7);
  expect(serialized.byteLength).toBe(serialized.length);
  expect(serialized.copy(target, 5)).toBe(serialized.length);
  expect(target.subarray(0, 5)).toEqual(Buffer.alloc(5));
  expect(requestDeserialize(target.subarray(5, -2))).toMatchObject(message);
  expect(target.subarray(-2)).toEqual(Buffer.alloc(2));
});

test("PayloadMessage.toBuffer() is the same in a buffer of its own", () => {
  const serialized: unknown = produceService.produceStream.requestSerialize({
    recordBatch: Buffer.from("b"),
  });
  if (!(serialized instanceof PayloadMessage)) throw new Error("a copy was made");
  expect(serialized.toBuffer().toString("hex")).toBe("2a0162");
});

test("PayloadMessage holds its payload by reference until it is copied", () => {
  const payload = Buffer.from("before");
  const message = fetchService.fetch.responseSerialize({ recordBatches: [payload] });
  payload.write("after ");
  expect(message).toBeInstanceOf(PayloadMessage);
  const target = Buffer.alloc(message.length);
  message.copy(target, 0);
  expect(target.toString()).toContain("after ");
});

/** A server with the methods below, and a client; both are gone when the test is over. */
async function connected(): Promise<{ client: Client } & AsyncDisposable> {
  const server = new Server();
  server.addService(
    { produce: produceService.produce },
    {
      produce(
        call: { request: ProduceRequest },
        callback: (error: ServiceError | null, response?: ProduceResponseInit) => void,
      ) {
        callback(null, { baseOffset: 5, nextOffset: 5 + call.request.recordBatch.length });
      },
    },
  );
  server.addService({ fetchStream: fetchService.fetchStream }, { fetchStream });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const dispose = async (): Promise<void> => {
    client.close();
    await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  };
  return { client, [Symbol.asyncDispose]: dispose };
}

const piece = Buffer.alloc(300_000, 3);

function fetchStream(call: ServerDuplexStream<FetchStreamRequest, FetchStreamResponseInit>): void {
  call.on("data", (request: FetchStreamRequest) => {
    const credit = request.message?.case === "credit" ? request.message.value.bytes : 0;
    call.write({ subscriptionId: 9, message: { case: "heartbeat", value: { nextOffset: 1 } } });
    const value = { recordBatches: [piece, piece, Buffer.from("end")], nextOffset: credit };
    call.write({ subscriptionId: 9, message: { case: "batches", value } });
    call.end();
  });
}

test("grpc-js carries a PayloadMessage from the client and back in a unary call", async () => {
  await using connection = await connected();
  const { path, requestSerialize, responseDeserialize } = produceService.produce;
  const response = await new Promise<ProduceResponse | undefined>((resolve, reject) => {
    const request = { topic: "t", recordBatch: Buffer.alloc(1_000_000) };
    connection.client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      (error, answer) => (error === null ? resolve(answer) : reject(error)),
    );
  });
  expect(response).toEqual({ baseOffset: 5, nextOffset: 1_000_005, duplicate: false });
});

test("grpc-js carries PayloadMessages on a stream from the server", async () => {
  await using connection = await connected();
  const { path, requestSerialize, responseDeserialize } = fetchService.fetchStream;
  const call = connection.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  call.write({ message: { case: "credit", value: { bytes: 77 } } });
  const responses: unknown[] = [];
  for await (const response of call) responses.push(response);
  expect(responses).toEqual([
    {
      subscriptionId: 9,
      message: { case: "heartbeat", value: { nextOffset: 1, highWatermark: 0 } },
    },
    {
      subscriptionId: 9,
      message: {
        case: "batches",
        value: {
          recordBatches: Buffer.concat([piece, piece, Buffer.from("end")]),
          nextOffset: 77,
          highWatermark: 0,
        },
      },
    },
  ]);
});
