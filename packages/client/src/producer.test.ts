import {
  type ProduceAckInit,
  type ProduceStreamRequest,
  clusterService,
  produceService,
  RopewalkError,
} from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { until } from "../fakes/condition.ts";
import { FakeLog } from "../fakes/fake-log.ts";
import {
  breakStream,
  metadataOf,
  type ProduceSide,
  ScriptedBroker,
} from "../fakes/scripted-broker.ts";
import { seededRandom } from "../fakes/seeded-random.ts";
import { createClient } from "./create-client.ts";
import { partitionOfKey } from "./partitioner.ts";

const creditBytes = 8 * 1024 * 1024;

/** One broker with the topic "t", which it leads alone; producer ids count from 1. */
async function startBroker(partitionCount = 1): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start(1);
  serveMetadata(
    [broker],
    Array.from({ length: partitionCount }, () => 1),
  );
  return broker;
}

let producerIds = 0;

function serveMetadata(
  brokers: readonly ScriptedBroker[],
  leaders: readonly number[],
  epoch = 1,
): void {
  for (const broker of brokers) {
    broker.on(clusterService.getMetadata, () => metadataOf(brokers, "t", leaders, epoch));
    broker.on(produceService.initProducerId, () => ({
      producerId: ++producerIds,
      producerEpoch: 0,
    }));
  }
}

type Answer = (request: ProduceStreamRequest) => ProduceAckInit | RopewalkError | "silence";

function answering(answer: Answer, inFlightBytesMax = creditBytes): (stream: ProduceSide) => void {
  return (stream) => {
    stream.write({ inFlightBytesMax });
    stream.on("end", () => stream.end());
    stream.on("data", (request: ProduceStreamRequest) => {
      const outcome = answer(request);
      if (outcome === "silence") return;
      const { correlationId } = request;
      if (outcome instanceof RopewalkError) {
        const { code, message, leaderId } = outcome;
        stream.write({ acks: [{ correlationId, error: { code, message, leaderId } }] });
      } else {
        stream.write({ acks: [{ correlationId, ...outcome }] });
      }
    });
  };
}

function appendTo(logs: readonly FakeLog[]): Answer {
  return ({ partition, recordBatch }) => {
    try {
      return (
        logs[partition]?.append(recordBatch) ??
        new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", "none")
      );
    } catch (error) {
      return error as RopewalkError;
    }
  };
}

const numbers = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => String(index));

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

describe("Producer, failures", () => {
  test("Producer follows the hint of a broker that does not lead", async () => {
    await using one = await ScriptedBroker.start(1);
    await using two = await ScriptedBroker.start(2);
    serveMetadata([one, two], [1]);
    const log = new FakeLog();
    one.onProduce = answering(() => new RopewalkError("NOT_LEADER", "ask 2", { leaderId: 2 }));
    two.onProduce = answering(appendTo([log]));
    await using client = createClient({ bootstrapServers: [one.address] });
    const producer = client.producer();
    for (const value of numbers(100)) producer.write({ topic: "t", value });
    await producer.flush();
    expect(log.values()).toEqual(numbers(100));
  });

  test("Producer finds a new leader without a hint", async () => {
    await using one = await ScriptedBroker.start(1);
    await using two = await ScriptedBroker.start(2);
    serveMetadata([one, two], [1]);
    const log = new FakeLog();
    one.onProduce = answering(() => {
      serveMetadata([one, two], [2], 2);
      return new RopewalkError("NOT_LEADER", "no idea who");
    });
    two.onProduce = answering(appendTo([log]));
    await using client = createClient({ bootstrapServers: [one.address] });
    const producer = client.producer();
    await producer.send({ topic: "t", value: "x" });
    expect(log.values()).toEqual(["x"]);
  });

  test("Producer resends what was in flight on a broken stream, and is told that it was there already", async () => {
    await using broker = await startBroker();
    const log = new FakeLog();
    let streams = 0;
    broker.onProduce = (stream) => {
      if (++streams > 1) {
        answering(appendTo([log]))(stream);
        return;
      }
      stream.on("data", ({ recordBatch }: ProduceStreamRequest) => {
        log.append(recordBatch);
        breakStream(stream);
      });
    };
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer();
    const metadata = await producer.send({ topic: "t", value: "once" });
    expect(metadata).toMatchObject({ offset: 0, duplicate: true });
    expect(log.values()).toEqual(["once"]);
    expect(producer.statistics).toMatchObject({ batchesResent: 1, batchesDuplicate: 1 });
  });

  test("Producer resends at once when a stream breaks behind acks that are still on their way", async () => {
    await using broker = await startBroker();
    const log = new FakeLog();
    let streams = 0;
    broker.onProduce = (stream) => {
      if (++streams > 1) {
        answering(appendTo([log]))(stream);
        return;
      }
      stream.write({ inFlightBytesMax: creditBytes });
      stream.on("data", ({ correlationId, recordBatch }: ProduceStreamRequest) => {
        stream.write({ acks: [{ correlationId, ...log.append(recordBatch) }] });
        breakStream(stream);
        stream.write({ acks: [] });
      });
    };
    await using client = createClient({ bootstrapServers: [broker.address] });
    // Whoever waits for the request timeout is too late.
    const producer = client.producer({ requestTimeoutMs: 10_000, deliveryTimeoutMs: 9_000 });
    await producer.send({ topic: "t", value: "a" });
    await producer.send({ topic: "t", value: "b" });
    expect(log.values()).toEqual(["a", "b"]);
    expect(streams).toBe(2);
  });

  test("Producer survives a broker that is killed and comes back on the same port", async () => {
    await using broker = await startBroker();
    const log = new FakeLog();
    broker.onProduce = answering(appendTo([log]));
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer();
    await producer.send({ topic: "t", value: "before" });
    broker.kill();
    const during = producer.send({ topic: "t", value: "during" });
    await broker.listen();
    await during;
    expect(log.values()).toEqual(["before", "during"]);
  });

  test("Producer rejects exactly the records of a batch that fails for good, and writes those behind it", async () => {
    await using broker = await startBroker();
    const log = new FakeLog();
    let requests = 0;
    broker.onProduce = answering((request) => {
      if (++requests === 2) return new RopewalkError("INVALID_RECORD", "refused by the test");
      return appendTo([log])(request);
    });
    await using client = createClient({ bootstrapServers: [broker.address] });
    const failures: [string, number][] = [];
    const producer = client.producer({
      batchBytesMax: 1000,
      onFailed: (error, count) => failures.push([error.code, count]),
    });
    const all = numbers(300);
    const outcomes = await Promise.allSettled(
      all.map((value) => producer.send({ topic: "t", value })),
    );
    const written = all.filter((_, index) => outcomes[index]?.status === "fulfilled");
    expect(log.values()).toEqual(written);
    expect(failures).toEqual([["INVALID_RECORD", 300 - written.length]]);
    expect(written.length).toBeGreaterThan(200);
  });

  test("Producer gives up a batch that nobody answers, and says that it may be in the log", async () => {
    await using broker = await startBroker();
    const log = new FakeLog();
    broker.onProduce = answering((request) =>
      log.endOffset === 0 ? appendTo([log])(request) : "silence",
    );
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer({ deliveryTimeoutMs: 1_000 });
    // Connected by then: the next one leaves long before its time is over.
    await producer.send({ topic: "t", value: "answered" });
    const outcome = producer.send({ topic: "t", value: "x" });
    await expect(outcome).rejects.toMatchObject({
      code: "REQUEST_TIMED_OUT",
      outcome: "indefinite",
    });
  });

  test("Producer gives up a batch that has no leader, and says that it is not in the log", async () => {
    await using broker = await ScriptedBroker.start(1);
    serveMetadata([broker], [0]);
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer({ deliveryTimeoutMs: 100 });
    const outcome = producer.send({ topic: "t", value: "x" });
    await expect(outcome).rejects.toMatchObject({
      code: "LEADER_NOT_AVAILABLE",
      outcome: "definite",
    });
  });

  test("Producer breaks a stream whose broker does not answer, and sends again", async () => {
    await using broker = await startBroker();
    const log = new FakeLog();
    let streams = 0;
    broker.onProduce = (stream) => {
      streams++;
      answering(streams === 1 ? () => "silence" : appendTo([log]))(stream);
    };
    await using client = createClient({ bootstrapServers: [broker.address] });
    const producer = client.producer({ requestTimeoutMs: 200 });
    await producer.send({ topic: "t", value: "x" });
    expect(log.values()).toEqual(["x"]);
  });

  test("Producer leaves a leader that does not answer once another one was elected", async () => {
    await using one = await ScriptedBroker.start(1);
    await using two = await ScriptedBroker.start(2);
    serveMetadata([one, two], [1]);
    const log = new FakeLog();
    one.onProduce = answering(() => {
      serveMetadata([one, two], [2], 2);
      return "silence";
    });
    two.onProduce = answering(appendTo([log]));
    await using client = createClient({ bootstrapServers: [one.address] });
    // Whoever waits for the request timeout is too late.
    const producer = client.producer({ requestTimeoutMs: 10_000, deliveryTimeoutMs: 9_000 });
    await producer.send({ topic: "t", value: "x" });
    expect(log.values()).toEqual(["x"]);
  });

  for (const seed of [1, 2, 3, 4, 5]) {
    test(`Producer writes every record once and in order whatever breaks (seed ${seed})`, async () => {
      await using one = await ScriptedBroker.start(1);
      await using two = await ScriptedBroker.start(2);
      const logs = [new FakeLog(), new FakeLog(), new FakeLog()];
      const random = seededRandom(seed);
      let epoch = 1;
      serveMetadata([one, two], [1, 2, 1], epoch);
      const moveLeaders = (): void => {
        epoch++;
        serveMetadata(
          [one, two],
          logs.map(() => 1 + Math.floor(random() * 2)),
          epoch,
        );
      };
      const chaotic = (stream: ProduceSide): void => {
        answering((request) => {
          const dice = random();
          if (dice < 0.03) {
            breakStream(stream);
            return "silence";
          }
          if (dice < 0.06) return new RopewalkError("BUSY", "by the test");
          if (dice < 0.09) {
            moveLeaders();
            return new RopewalkError("NOT_LEADER", "by the test");
          }
          const outcome = appendTo(logs)(request);
          if (dice > 0.97) {
            breakStream(stream);
            return "silence";
          }
          if (dice > 0.94) return new RopewalkError("UNKNOWN_OUTCOME", "by the test");
          return outcome;
        }, 3000)(stream);
      };
      one.onProduce = chaotic;
      two.onProduce = chaotic;
      await using client = createClient({ bootstrapServers: [one.address, two.address] });
      const failures: string[] = [];
      const producer = client.producer({
        batchBytesMax: 500,
        bufferBytesMax: 20_000,
        lingerMs: 1,
        onFailed: ({ message }) => failures.push(message),
      });
      for (const value of numbers(3000)) {
        if (!producer.write({ topic: "t", partition: Number(value) % 3, value }))
          await producer.ready();
      }
      await producer.flush();
      expect(failures).toEqual([]);
      expect(producer.statistics).toMatchObject({ recordsAcknowledged: 3000, recordsFailed: 0 });
      for (const [partition, log] of logs.entries()) {
        expect(log.values()).toEqual(
          numbers(3000).filter((value) => Number(value) % 3 === partition),
        );
      }
    });
  }

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
