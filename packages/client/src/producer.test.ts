import { clusterService, type ProduceStreamRequest, RopewalkError } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { until } from "../fakes/condition.ts";
import { FakeLog } from "../fakes/fake-log.ts";
import {
  answering,
  appendTo,
  creditBytes,
  numbers,
  serveMetadata,
  startBroker,
} from "../fakes/produce-script.ts";
import { metadataOf } from "../fakes/scripted-broker.ts";
import { createClient } from "./create-client.ts";
import { partitionOfKey } from "./partitioner.ts";

describe("Producer, writing", () => {
  test("Producer.send() resolves with the offset that the leader gave", async () => {
    await using broker = await startBroker();
    const log = new FakeLog();
    broker.onProduce = answering(appendTo([log]));
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer();
    const first = await producer.send({ topic: "t", key: "k", value: "a" });
    const more = await Promise.all(["b", "c"].map((value) => producer.send({ topic: "t", value })));
    expect(first).toEqual({ topic: "t", partition: 0, offset: 0, duplicate: false });
    expect(more.map((metadata) => metadata.offset)).toEqual([1, 2]);
    expect(log.values()).toEqual(["a", "b", "c"]);
  });

  test("Producer.write() collects records into batches of at most batchBytesMax", async () => {
    await using broker = await startBroker();
    const log = new FakeLog();
    broker.onProduce = answering(appendTo([log]));
    await using client = createClient({ bootstrapServers: [broker.address] });
    const acknowledged: number[] = [];
    const producer = client.producer({
      batchBytesMax: 4096,
      onAcknowledged: ({ recordCount }) => acknowledged.push(recordCount),
    });
    for (const value of numbers(5000)) producer.write({ topic: "t", value });
    await producer.flush();
    expect(log.values()).toEqual(numbers(5000));
    expect(Math.max(...log.batches.map((batch) => batch.length))).toBeLessThanOrEqual(4096);
    expect(log.batches.length).toBeLessThan(40);
    expect(acknowledged.reduce((sum, count) => sum + count, 0)).toBe(5000);
    expect(producer.statistics).toMatchObject({
      recordsWritten: 5000,
      recordsAcknowledged: 5000,
      bytesBuffered: 0,
    });
  });

  test("Producer.write() sends a record where its key or its partition says", async () => {
    await using broker = await startBroker(4);
    const logs = [new FakeLog(), new FakeLog(), new FakeLog(), new FakeLog()];
    broker.onProduce = answering(appendTo(logs));
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer({ lingerMs: 0 });
    const keyed = await producer.send({ topic: "t", key: "foobar", value: "keyed" });
    const explicit = await producer.send({
      topic: "t",
      key: "foobar",
      value: "explicit",
      partition: 3,
    });
    expect(keyed.partition).toBe(partitionOfKey(Buffer.from("foobar"), 4));
    expect(explicit.partition).toBe(3);
    expect(() => producer.write({ topic: "t", partition: 4 })).toThrow(/has 4 partitions/);
  });

  for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
    test(`Producer compresses with ${compression} what a reader gets back`, async () => {
      await using broker = await startBroker();
      const log = new FakeLog();
      broker.onProduce = answering(appendTo([log]));
      await using client = createClient({ bootstrapServers: [broker.address] });
      const producer = client.producer({ compression });
      for (const value of numbers(1000))
        producer.write({ topic: "t", value, headers: [{ name: "h", value: "v" }] });
      await producer.flush();
      expect(log.values()).toEqual(numbers(1000));
    });
  }

  test("Producer writes to partitions that were added while it was writing", async () => {
    await using broker = await startBroker(1);
    const logs = [new FakeLog(), new FakeLog()];
    broker.onProduce = answering(appendTo(logs));
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer({ lingerMs: 0, metadataMaxAgeMs: 20 });
    await producer.send({ topic: "t", value: "first" });
    expect(() => producer.write({ topic: "t", partition: 1, value: "early" })).toThrow(
      "it has 1 partitions",
    );
    serveMetadata([broker], [1, 1]);
    await until(() => {
      producer.write({ topic: "t", value: "x" });
      return (logs[1]?.endOffset ?? 0) > 0;
    }, "the added partition is written to");
    await producer.send({ topic: "t", partition: 1, value: "last" });
    expect(logs[1]?.values().at(-1)).toBe("last");
  });

  test("Producer.send() to a topic that does not exist fails once its time is over", async () => {
    await using broker = await startBroker();
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer({ unknownTopicTimeoutMs: 50 });
    const outcome = producer.send({ topic: "nowhere", value: "x" });
    await expect(outcome).rejects.toMatchObject({
      code: "UNKNOWN_TOPIC_OR_PARTITION",
      outcome: "definite",
    });
    await producer.flush();
  });

  test("Producer fails what it holds for a topic that was deleted, and writes to the one that comes after it", async () => {
    await using broker = await startBroker(2);
    broker.onProduce = answering(() => new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", "deleted"));
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer({ unknownTopicTimeoutMs: 50 });
    broker.on(clusterService.getMetadata, () => metadataOf([broker], "t", [1, 1]));
    const lost = producer.send({ topic: "t", value: "x", partition: 1 });
    const outcome = expect(lost).rejects.toMatchObject({ code: "UNKNOWN_TOPIC_OR_PARTITION" });
    await until(() => broker.calls.some(({ path }) => path.endsWith("InitProducerId")), "it began");
    broker.on(clusterService.getMetadata, () => metadataOf([broker], "other", []));
    await outcome;
    const log = new FakeLog();
    broker.onProduce = answering(appendTo([log]));
    broker.kill();
    serveMetadata([broker], [1], 1);
    await broker.listen();
    expect(await producer.send({ topic: "t", value: "y" })).toMatchObject({
      partition: 0,
      offset: 0,
    });
    expect(() => producer.write({ topic: "t", partition: 1 })).toThrow(/has 1 partitions/);
  });

  test("Producer.write() refuses a name that no topic can have", async () => {
    await using broker = await startBroker();
    await using client = createClient({ bootstrapServers: [broker.address] });
    expect(() => client.producer().write({ topic: "no/slash" })).toThrow(RopewalkError);
  });
});

describe("Producer, limits", () => {
  test("Producer keeps no more bytes in flight than the broker allows", async () => {
    await using broker = await startBroker(2);
    const logs = [new FakeLog(), new FakeLog()];
    let inFlightBytes = 0;
    let inFlightBytesHighest = 0;
    const inFlightBytesMax = 5000;
    broker.onProduce = (stream) => {
      stream.write({ inFlightBytesMax });
      stream.on("end", () => stream.end());
      stream.on("data", (request: ProduceStreamRequest) => {
        inFlightBytes += request.recordBatch.length;
        inFlightBytesHighest = Math.max(inFlightBytesHighest, inFlightBytes);
        setImmediate(() => {
          inFlightBytes -= request.recordBatch.length;
          stream.write({
            acks: [
              {
                correlationId: request.correlationId,
                ...logs[request.partition]?.append(request.recordBatch),
              },
            ],
          });
        });
      });
    };
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer({ batchBytesMax: 1000 });
    for (const value of numbers(2000))
      producer.write({ topic: "t", partition: Number(value) % 2, value });
    await producer.flush();
    expect(producer.statistics.recordsAcknowledged).toBe(2000);
    expect(inFlightBytesHighest).toBeLessThanOrEqual(inFlightBytesMax);
    expect(inFlightBytesHighest).toBeGreaterThan(inFlightBytesMax / 2);
  });

  test("Producer.write() answers false when the buffer is full, and ready() waits for room", async () => {
    await using broker = await startBroker();
    const log = new FakeLog();
    const release = Promise.withResolvers<void>();
    broker.onProduce = (stream) => {
      stream.write({ inFlightBytesMax: creditBytes });
      stream.on("end", () => stream.end());
      stream.on("data", ({ correlationId, recordBatch }: ProduceStreamRequest) => {
        void release.promise.then(() =>
          stream.write({ acks: [{ correlationId, ...log.append(recordBatch) }] }),
        );
      });
    };
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer({ bufferBytesMax: 2000, batchBytesMax: 500 });
    const value = Buffer.alloc(100);
    let written = 1;
    while (producer.write({ topic: "t", value })) written++;
    expect(written).toBeGreaterThan(5);
    let isReady = false;
    const ready = producer.ready().then(() => (isReady = true));
    const waiting = producer.send({ topic: "t", value });
    await new Promise(setImmediate);
    expect(isReady).toBe(false);
    expect(() => {
      for (let count = 0; count < 100; count++) producer.write({ topic: "t", value });
    }).toThrow(expect.objectContaining({ code: "BUSY" }));
    release.resolve();
    await ready;
    await waiting;
    await producer.flush();
    expect(producer.statistics.recordsAcknowledged).toBe(producer.statistics.recordsWritten);
  });
});

describe("Producer, refusals", () => {
  test("Producer.write() copies the record even while the topic is not known", async () => {
    await using broker = await startBroker();
    const log = new FakeLog();
    broker.onProduce = answering(appendTo([log]));
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer();
    const value = Buffer.from("as it was");
    producer.write({ topic: "t", value });
    value.fill("x");
    await producer.flush();
    expect(log.values()).toEqual(["as it was"]);
  });

  test("Producer.write() that refuses a record leaves nothing behind", async () => {
    await using broker = await startBroker();
    const log = new FakeLog();
    broker.onProduce = answering(appendTo([log]));
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer();
    await producer.send({ topic: "t", value: "a" });
    const badTime = { topic: "t", value: "x", timestampMs: Number.NaN };
    expect(() => producer.write(badTime)).toThrow(
      expect.objectContaining({ code: "INVALID_RECORD" }),
    );
    const tooLarge = { topic: "t", value: Buffer.alloc(9 * 1024 * 1024) };
    expect(() => producer.write(tooLarge)).toThrow(
      expect.objectContaining({ code: "MESSAGE_TOO_LARGE" }),
    );
    expect(() => client.producer({ batchBytesMax: 2 ** 30 })).toThrow(RangeError);
    expect(() => producer.write({ topic: "t", value: 7 as unknown as string })).toThrow(TypeError);
    await producer.send({ topic: "t", value: "b" });
    expect(log.values()).toEqual(["a", "b"]);
    expect(producer.statistics).toMatchObject({ recordsWritten: 2, bytesBuffered: 0 });
  });
});

describe("Producer, closing", () => {
  test("Producer.close() with a time gives up what is not settled by then, and says what may be in the log", async () => {
    await using broker = await startBroker(2);
    let requests = 0;
    broker.onProduce = answering(() => {
      requests++;
      return "silence";
    });
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer({ batchBytesMax: 200 });
    const sends = numbers(20).map((value) => producer.send({ topic: "t", value, partition: 0 }));
    const outcomes = Promise.allSettled(sends);
    await until(() => requests > 0, "the first batch has arrived");
    await producer.close({ timeoutMs: 10 });
    const codes = (await outcomes).map(
      (outcome) => outcome.status === "rejected" && (outcome.reason as RopewalkError).code,
    );
    expect(codes[0]).toBe("REQUEST_TIMED_OUT");
    expect(codes.at(-1)).toBe("LEADER_NOT_AVAILABLE");
    expect(producer.statistics).toMatchObject({ recordsFailed: 20, bytesBuffered: 0 });
  });

  test("Producer.close() flushes, and nothing can be written afterwards", async () => {
    await using broker = await startBroker();
    const log = new FakeLog();
    broker.onProduce = answering(appendTo([log]));
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer({ lingerMs: 60_000 });
    await until(() => producer.write({ topic: "t", value: "x" }), "there is room");
    await producer.close();
    expect(log.values()).toEqual(["x"]);
    expect(() => producer.write({ topic: "t", value: "y" })).toThrow(/closed/);
    await expect(producer.send({ topic: "t", value: "y" })).rejects.toThrow(/closed/);
  });
});
