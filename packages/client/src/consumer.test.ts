import { clusterService, fetchService, RopewalkError } from "@ropewalk/protocol";
import type { Logger, Timer } from "@ropewalk/runtime";
import { NodeClock, NodeRandom } from "@ropewalk/runtime/node";
import { describe, expect, test } from "vitest";
import { until } from "../fakes/condition.ts";
import { FakeLog } from "../fakes/fake-log.ts";
import { FetchServer } from "../fakes/fetch-server.ts";
import { breakStream, metadataOf, ScriptedBroker } from "../fakes/scripted-broker.ts";
import { RopewalkClient, type RopewalkClientOptions } from "./client.ts";
import type { ConsumedRecord } from "./consumed-batch.ts";
import type { Consumer } from "./consumer.ts";
import { createClient } from "./create-client.ts";

class Cluster implements AsyncDisposable {
  readonly broker: ScriptedBroker;
  readonly logs: readonly FakeLog[];
  readonly server: FetchServer;
  readonly client: RopewalkClient;

  private constructor(
    broker: ScriptedBroker,
    partitionCount: number,
    changes: Partial<RopewalkClientOptions>,
  ) {
    this.broker = broker;
    this.logs = Array.from({ length: partitionCount }, () => new FakeLog());
    this.server = new FetchServer((_topic, partition) => this.logs[partition]);
    broker.onFetch = this.server.serve;
    const leaders = this.logs.map(() => broker.brokerId);
    broker.on(clusterService.getMetadata, () => metadataOf([broker], "t", leaders));
    broker.on(fetchService.listOffsets, ({ partitions }) => ({
      offsets: partitions.map((partition) => {
        const highWatermark = this.logs[partition]?.endOffset ?? 0;
        return { partition, offset: highWatermark, highWatermark, logStartOffset: 0 };
      }),
    }));
    this.client = new RopewalkClient({
      bootstrapServers: [broker.address],
      clock: new NodeClock(),
      random: new NodeRandom(),
      ...changes,
    });
  }

  static async start(
    partitionCount = 1,
    changes: Partial<RopewalkClientOptions> = {},
  ): Promise<Cluster> {
    return new Cluster(await ScriptedBroker.start(1), partitionCount, changes);
  }

  log(partition: number): FakeLog {
    return this.logs[partition] ?? new FakeLog();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.broker[Symbol.asyncDispose]();
  }
}

/** Time that runs twenty times as fast. */
class HastyClock extends NodeClock {
  override monotonicMs(): number {
    return super.monotonicMs() * 20;
  }

  override setTimer(delayMs: number, callback: () => void): Timer {
    return super.setTimer(delayMs / 20, callback);
  }
}

const nothing = (): void => undefined;
const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLogger,
};

function invertLastByte(batch: Uint8Array | undefined): void {
  if (batch !== undefined) batch[batch.length - 1] = 0xff ^ (batch.at(-1) ?? 0);
}

const textOf = ({ value }: ConsumedRecord): string => Buffer.from(value ?? []).toString();

async function readAll(consumer: Consumer): Promise<string[]> {
  const values: string[] = [];
  for await (const record of consumer) values.push(textOf(record));
  return values;
}

const numbers = (start: number, end: number): string[] =>
  Array.from({ length: end - start }, (_, index) => String(start + index));

/** Batches of 1, 2, 3 … records, up to 55 in sum. */
function fill(log: FakeLog): void {
  for (let size = 1; size <= 10; size++) log.write(...numbers(log.endOffset, log.endOffset + size));
}

describe("Consumer, start and end", () => {
  test("Consumer reads every partition from the earliest record to the end there was", async () => {
    await using cluster = await Cluster.start(3);
    for (const log of cluster.logs) fill(log);
    const consumer = cluster.client.consumer({ topic: "t", exitAtEnd: true });
    const offsets = new Map<number, number[]>([
      [0, []],
      [1, []],
      [2, []],
    ]);
    for await (const { partition, offset, topic } of consumer) {
      expect(topic).toBe("t");
      offsets.get(partition)?.push(offset);
    }
    for (const read of offsets.values()) expect(read.map(String)).toEqual(numbers(0, 55));
  });

  test("Consumer ends at once where there is nothing", async () => {
    await using cluster = await Cluster.start(2);
    expect(await readAll(cluster.client.consumer({ topic: "t", exitAtEnd: true }))).toEqual([]);
  });

  test("Consumer leaves out what was written after its reading had started", async () => {
    await using cluster = await Cluster.start();
    fill(cluster.log(0));
    const consumer = cluster.client.consumer({ topic: "t", exitAtEnd: true });
    await consumer.ready();
    cluster.log(0).write("too late");
    cluster.server.pump();
    expect(await readAll(consumer)).toEqual(numbers(0, 55));
  });

  test("Consumer skips records before its offset inside of the first batch", async () => {
    await using cluster = await Cluster.start();
    fill(cluster.log(0));
    const consumer = cluster.client.consumer({ topic: "t", from: { offset: 51 }, exitAtEnd: true });
    expect(await readAll(consumer)).toEqual(numbers(51, 55));
  });

  test("Consumer reads the last records of every partition", async () => {
    await using cluster = await Cluster.start(2);
    for (const log of cluster.logs) fill(log);
    const consumer = cluster.client.consumer({ topic: "t", from: { last: 3 }, exitAtEnd: true });
    const values = await readAll(consumer);
    expect(values.toSorted()).toEqual(["52", "52", "53", "53", "54", "54"]);
  });

  test("Consumer reads from the latest record what is written from then on", async () => {
    await using cluster = await Cluster.start();
    fill(cluster.log(0));
    const consumer = cluster.client.consumer({ topic: "t", from: "latest" });
    await consumer.ready();
    cluster.log(0).write("new");
    cluster.server.pump();
    for await (const record of consumer) {
      expect(textOf(record)).toBe("new");
      expect(record.offset).toBe(55);
      break;
    }
  });

  test("Consumer reads partitions that are added from their beginning", async () => {
    await using cluster = await Cluster.start(2);
    const { broker } = cluster;
    broker.on(clusterService.getMetadata, () => metadataOf([broker], "t", [1]));
    fill(cluster.log(0));
    cluster.log(1).write("first");
    const options = { topic: "t", from: "latest", metadataMaxAgeMs: 20 } as const;
    const consumer = cluster.client.consumer(options);
    await consumer.ready();
    broker.on(clusterService.getMetadata, () => metadataOf([broker], "t", [1, 1]));
    for await (const record of consumer) {
      expect([textOf(record), record.partition, record.offset]).toEqual(["first", 1, 0]);
      break;
    }
    await consumer.close();
  });

  test("Consumer reads only the partitions that were chosen", async () => {
    await using cluster = await Cluster.start(3);
    for (const log of cluster.logs) fill(log);
    const consumer = cluster.client.consumer({ topic: "t", partitions: [1], exitAtEnd: true });
    const partitions = new Set<number>();
    for await (const { partition } of consumer) partitions.add(partition);
    expect([...partitions]).toEqual([1]);
  });

  test("Consumer fails for a partition that is not there, and for an offset that is not there", async () => {
    await using cluster = await Cluster.start();
    const nowhere = cluster.client.consumer({ topic: "t", partitions: [7] });
    await expect(readAll(nowhere)).rejects.toMatchObject({ code: "UNKNOWN_TOPIC_OR_PARTITION" });
    const beyond = cluster.client.consumer({ topic: "t", from: { offset: 99 } });
    await expect(readAll(beyond)).rejects.toMatchObject({ code: "OFFSET_OUT_OF_RANGE" });
    await expect(beyond.ready()).rejects.toThrow(RopewalkError);
  });

  test("Consumer fails where the topic has fewer partitions than the one that had its name before", async () => {
    await using cluster = await Cluster.start(1, { clock: new HastyClock() });
    const { broker, client } = cluster;
    const { brokerId } = broker;
    fill(cluster.log(0));
    let answers = 0;
    broker.on(clusterService.getMetadata, () => {
      if (answers++ === 0) return metadataOf([broker], "t", [brokerId, brokerId]);
      const { topics = [], ...rest } = metadataOf([broker], "t", [brokerId]);
      return { ...rest, topics: topics.map((topic) => ({ ...topic, topicId: "another" })) };
    });
    const consumer = client.consumer({ topic: "t", exitAtEnd: true });
    await expect(readAll(consumer)).rejects.toMatchObject({ code: "UNKNOWN_TOPIC_OR_PARTITION" });
  });

  test("Consumer fails at a batch that stays damaged, after the records before it", async () => {
    await using cluster = await Cluster.start(1, { clock: new HastyClock() });
    fill(cluster.log(0));
    invertLastByte(cluster.log(0).batches[3]);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const record of cluster.client.consumer({ topic: "t" })) seen.push(textOf(record));
    })();
    await expect(reading).rejects.toMatchObject({ code: "CORRUPT_MESSAGE" });
    expect(seen).toEqual(numbers(0, 6));
  });

  test.each(["records", "batches"] as const)(
    "Consumer reads a damaged batch again, and hands out %s once and in order when it is whole",
    async (kind) => {
      const faults: string[] = [];
      const mend = (message: string): void => {
        faults.push(message);
        invertLastByte(cluster.log(0).batches[3]);
      };
      const logger = { ...silentLogger, warn: mend };
      await using cluster = await Cluster.start(1, { clock: new HastyClock(), logger });
      fill(cluster.log(0));
      const count = cluster.log(0).endOffset;
      invertLastByte(cluster.log(0).batches[3]);
      const consumer = cluster.client.consumer({ topic: "t", exitAtEnd: true });
      const seen: string[] = [];
      if (kind === "records") seen.push(...(await readAll(consumer)));
      else for await (const { records } of consumer.batches()) seen.push(...records.map(textOf));
      expect(seen).toEqual(numbers(0, count));
      expect(faults).toEqual(["A record batch came damaged, and is read again."]);
    },
  );

  test("Consumer.close() ends the iteration that is under way", async () => {
    await using cluster = await Cluster.start();
    const consumer = cluster.client.consumer({ topic: "t" });
    const reading = readAll(consumer);
    await consumer.ready();
    await consumer.close();
    expect(await reading).toEqual([]);
  });
});

describe("Consumer, iteration", () => {
  test("Consumer goes on where an iteration was left, record by record or batch by batch", async () => {
    await using cluster = await Cluster.start();
    fill(cluster.log(0));
    const consumer = cluster.client.consumer({ topic: "t", exitAtEnd: true });
    const values: string[] = [];
    for await (const record of consumer) {
      values.push(textOf(record));
      if (values.length === 12) break;
    }
    for await (const batch of consumer.batches()) {
      expect(batch.recordCount).toBe(batch.records.length);
      values.push(...batch.records.map(textOf));
      if (values.length > 20) break;
    }
    values.push(...(await readAll(consumer)));
    expect(values).toEqual(numbers(0, 55));
  });

  test("Consumer refuses a second iteration at a time", async () => {
    await using cluster = await Cluster.start();
    const consumer = cluster.client.consumer({ topic: "t" });
    consumer.batches();
    expect(() => consumer.batches()).toThrow(/another iteration/);
  });
});

describe("Consumer, flow and failures", () => {
  test("Consumer stops the broker while the application does not read, and lets it go on", async () => {
    await using cluster = await Cluster.start(2);
    for (const log of cluster.logs) {
      for (let count = 0; count < 200; count++) log.write("x".repeat(1000));
    }
    const bufferBytesMax = 20_000;
    const consumer = cluster.client.consumer({ topic: "t", exitAtEnd: true, bufferBytesMax });
    await consumer.ready();
    const { observation } = cluster.server;
    await until(() => observation.sentBytes > bufferBytesMax, "the credit is used up");
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    expect(observation.sentBytes).toBeLessThan(bufferBytesMax + 2000);
    expect((await readAll(consumer)).length).toBe(400);
    expect(observation.lowestCreditBytes).toBeGreaterThan(-2000);
    expect(observation.creditBytes).toBeLessThanOrEqual(bufferBytesMax + observation.sentBytes);
  });

  test("Consumer goes on at the exact next offset however often its stream breaks", async () => {
    await using cluster = await Cluster.start(2);
    for (const log of cluster.logs) fill(log);
    let batches = 0;
    cluster.server.beforeBatch = (stream) => {
      if (++batches % 4 !== 0) return false;
      breakStream(stream);
      return true;
    };
    const consumer = cluster.client.consumer({ topic: "t", exitAtEnd: true });
    const values = await readAll(consumer);
    expect(values.map(Number).toSorted((one, other) => one - other)).toEqual(
      numbers(0, 55).flatMap((value) => [Number(value), Number(value)]),
    );
    expect(cluster.server.observation.subscribed.length).toBeGreaterThan(4);
  });

  test("Consumer follows a partition to its new leader without gap or repetition", async () => {
    await using one = await ScriptedBroker.start(1);
    await using two = await ScriptedBroker.start(2);
    const log = new FakeLog();
    fill(log);
    let leader = 1;
    for (const broker of [one, two]) {
      const server = new FetchServer(() => (leader === broker.brokerId ? log : undefined));
      let batches = 0;
      server.beforeBatch = (stream) => {
        if (broker !== one || ++batches < 5) return false;
        leader = 2;
        const value = { code: "NOT_LEADER" as const, leaderId: 2 };
        stream.write({ subscriptionId: 1, message: { case: "error", value } });
        return true;
      };
      broker.onFetch = server.serve;
      broker.on(clusterService.getMetadata, () => metadataOf([one, two], "t", [leader], leader));
    }
    await using client = createClient({ bootstrapServers: [one.address] });
    expect(await readAll(client.consumer({ topic: "t", exitAtEnd: true }))).toEqual(numbers(0, 55));
  });

  test("Consumer survives a broker that is killed and comes back", async () => {
    await using cluster = await Cluster.start();
    fill(cluster.log(0));
    const values: string[] = [];
    const consumer = cluster.client.consumer({ topic: "t" });
    for await (const record of consumer) {
      values.push(textOf(record));
      if (values.length === 55) {
        cluster.broker.kill();
        cluster.log(0).write("55", "56");
        await cluster.broker.listen();
      }
      if (values.length === 57) break;
    }
    expect(values).toEqual(numbers(0, 57));
  });
});
