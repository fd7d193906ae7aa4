import { type ProduceStreamRequest, RopewalkError } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { FakeLog } from "../fakes/fake-log.ts";
import {
  answering,
  appendTo,
  creditBytes,
  numbers,
  serveMetadata,
  startBroker,
} from "../fakes/produce-script.ts";
import { breakStream, type ProduceSide, ScriptedBroker } from "../fakes/scripted-broker.ts";
import { seededRandom } from "../fakes/seeded-random.ts";
import { createClient } from "./create-client.ts";

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
});

describe("Producer, in chaos", () => {
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
});
