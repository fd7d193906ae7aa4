import {
  type ConfigResource,
  type Consumer,
  createClient,
  type RopewalkClient,
} from "@ropewalk/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NumberedStream } from "./numbered-stream.ts";
import { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { waitFor } from "./wait-for.ts";

const deadlineMs = 30_000;

describe("topics that change while they are used", () => {
  let cluster: ProcessCluster;
  let client: RopewalkClient;

  beforeAll(async () => {
    cluster = await ProcessCluster.start(3);
    client = createClient({ bootstrapServers: cluster.bootstrapServers });
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });

  /** A client that knows one broker alone, and asks whom that names. */
  function clientOf(id: number): RopewalkClient {
    return createClient({ bootstrapServers: [`127.0.0.1:${cluster.clientPort(id)}`] });
  }

  /** Waits until every broker says that the config has the value. */
  async function untilEverywhere(resource: ConfigResource, name: string, value: string) {
    for (const id of cluster.brokerIds) {
      await using one = clientOf(id);
      await waitFor(`broker ${id} says ${name}=${value}`, deadlineMs, async () => {
        const [config] = await one.admin().describeConfigs(resource, { names: [name] });
        return config?.value === value;
      });
    }
  }

  async function untilMore(stream: NumberedStream, count: number): Promise<void> {
    const before = stream.acknowledgedCount;
    await waitFor(`${count} more are acknowledged`, deadlineMs, () => {
      return stream.acknowledgedCount >= before + count;
    });
  }

  test("configs are altered on every broker under load, and nothing acknowledged is lost", async () => {
    const topic = "altered";
    const resource = { kind: "topic", name: topic } as const;
    const admin = client.admin();
    await admin.createTopic({ name: topic, partitionCount: 6, replicationFactor: 3 });
    await using stream = new NumberedStream(cluster.bootstrapServers, topic, 6);
    const running = stream.run();
    const values = ["1048576", "2097152", "4194304"];
    for (const [round, value] of values.entries()) {
      await untilMore(stream, 500);
      await admin.alterConfigs(resource, [
        { operation: "SET", name: "segment.bytes", value },
        { operation: "SET", name: "segment.ms", value: String(round + 1) },
        { operation: "APPEND", name: "cleanup.policy", value: "delete" },
      ]);
      await untilEverywhere(resource, "segment.bytes", value);
    }
    await admin.alterConfigs(resource, [
      { operation: "SET", name: "message.timestamp.type", value: "LogAppendTime" },
      { operation: "DELETE", name: "segment.bytes" },
    ]);
    await admin.alterConfigs({ kind: "cluster" }, [
      { operation: "SET", name: "log.segment.bytes", value: "8388608" },
    ]);
    await untilEverywhere(resource, "segment.bytes", "8388608");
    await untilMore(stream, 500);
    stream.stop();
    await running;
    await stream.expectWhole(cluster.bootstrapServers);
  });

  test("what a topic refuses changes at every leader without a restart", async () => {
    const topic = "bounded";
    const admin = client.admin();
    await admin.createTopic({ name: topic, partitionCount: 3, replicationFactor: 3 });
    await using producer = client.producer();
    const send = (partition: number) =>
      producer.send({ topic, partition, value: Buffer.alloc(4000, "x") });
    await Promise.all([0, 1, 2].map((partition) => send(partition)));
    const resource = { kind: "topic", name: topic } as const;
    const name = "max.message.bytes";
    await admin.alterConfigs(resource, [{ operation: "SET", name, value: "2000" }]);
    await untilEverywhere(resource, name, "2000");
    for (const partition of [0, 1, 2]) {
      await expect(send(partition)).rejects.toMatchObject({ code: "MESSAGE_TOO_LARGE" });
    }
    await admin.alterConfigs(resource, [{ operation: "DELETE", name }]);
    await untilEverywhere(resource, name, String(8 * 1024 * 1024));
    await Promise.all([0, 1, 2].map((partition) => send(partition)));
  });

  test("partitions are added under load; every replica has them, and the old ones keep everything", async () => {
    const topic = "grown";
    const admin = client.admin();
    await admin.createTopic({ name: topic, partitionCount: 2, replicationFactor: 3 });
    await using stream = new NumberedStream(cluster.bootstrapServers, topic, 2);
    const running = stream.run();
    const readers = [
      client.consumer({ topic, group: "readers-of-grown" }),
      client.consumer({ topic, metadataMaxAgeMs: 200 }),
    ].map((consumer) => new PartitionsRead(consumer));
    for (const count of [4, 9]) {
      await untilMore(stream, 500);
      const grown = await admin.createPartitions(topic, count);
      expect(grown.partitions.length).toBe(count);
      for (const { replicaIds } of grown.partitions) expect(new Set(replicaIds).size).toBe(3);
    }
    const { partitions } = await admin.describeTopic(topic);
    const leads = Map.groupBy(partitions, ({ replicaIds }) => replicaIds[0]);
    expect([...leads.values()].map(({ length }) => length)).toEqual([3, 3, 3]);
    await using other = client.producer();
    const added = [2, 3, 4, 5, 6, 7, 8];
    const sent = added.map((partition) =>
      other.send({ topic, partition, value: Buffer.from("x") }),
    );
    expect((await Promise.all(sent)).map(({ offset }) => offset)).toEqual(added.map(() => 0));
    for (const reader of readers) {
      const what = (): string =>
        `all partitions are read, not only ${[...reader.partitions].join(", ")}`;
      await waitFor(what, deadlineMs, () => reader.partitions.size === 9);
      await reader.close();
    }
    const ends = await admin.listOffsets(topic, "latest", added);
    expect(ends.map(({ highWatermark }) => highWatermark)).toEqual(added.map(() => 1));
    stream.stop();
    await running;
    const [first] = await admin.listOffsets(topic, "latest", [0]);
    expect(first?.highWatermark).toBe(Math.ceil(stream.recordCount / 2));
  });

  test("a topic is deleted and made again under load, and nothing of the old one comes back", async () => {
    const topic = "reborn";
    const admin = client.admin();
    const ids = new Set<string>();
    await using producer = client.producer({ unknownTopicTimeoutMs: 20_000 });
    let isStopped = false;
    let generation = 0;
    /** With the generation at the time of the acknowledgement. */
    const acknowledged: { readonly text: string; readonly generation: number }[] = [];
    const load = async (partition: number): Promise<void> => {
      for (let number = 0; !isStopped; number += 1) {
        const text = `${generation}/${partition}/${number}`;
        const sent = producer.send({ topic, partition, value: Buffer.from(text) });
        const isThere = await sent.then(
          () => true,
          () => false,
        );
        if (isThere) acknowledged.push({ text, generation });
      }
    };
    await admin.createTopic({ name: topic, partitionCount: 3, replicationFactor: 3 });
    const running = Promise.all([0, 1, 2].map(load));
    for (let round = 0; round < 10; round += 1) {
      const before = acknowledged.length;
      await waitFor("some are acknowledged", deadlineMs, () => acknowledged.length > before + 50);
      ids.add((await admin.describeTopic(topic)).topicId);
      await admin.deleteTopic(topic);
      generation += 1;
      const made = await admin.createTopic({
        name: topic,
        partitionCount: 3,
        replicationFactor: 3,
      });
      expect(ids.has(made.topicId)).toBe(false);
    }
    const before = acknowledged.length;
    await waitFor("some are acknowledged", deadlineMs, () => acknowledged.length > before + 50);
    isStopped = true;
    await running;
    const found = new Set<string>();
    await using consumer = client.consumer({ topic, from: "earliest", exitAtEnd: true });
    for await (const { value } of consumer) found.add(Buffer.from(value ?? []).toString());
    // Acknowledged before the last deletion was asked for: gone. Begun after it was done: all there.
    const gone = acknowledged.filter((each) => each.generation < generation);
    expect(gone.filter(({ text }) => found.has(text))).toEqual([]);
    const kept = acknowledged.filter(({ text }) => text.startsWith(`${generation}/`));
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.filter(({ text }) => !found.has(text))).toEqual([]);
  });

  test("a broker that was down meanwhile drops what was deleted, and keeps nothing of it", async () => {
    const topic = "missed";
    const admin = client.admin();
    await admin.createTopic({ name: topic, partitionCount: 4, replicationFactor: 3 });
    await using stream = new NumberedStream(cluster.bootstrapServers, topic, 4, 2000);
    await stream.run();
    await cluster.kill(3);
    await admin.deleteTopic(topic);
    await admin.createTopic({ name: topic, partitionCount: 1, replicationFactor: 3 });
    await using again = new NumberedStream(cluster.bootstrapServers, topic, 1, 100);
    await again.run();
    cluster.spawn(3);
    await cluster.ready();
    const wanted = await metricOf(cluster, 1, "ropewalk_replicas");
    const what = `broker 3 has ${wanted} replicas`;
    await waitFor(what, deadlineMs, async () => {
      return (await metricOf(cluster, 3, "ropewalk_replicas")) === wanted;
    });
    await again.expectWhole(cluster.bootstrapServers);
    await cluster.stop(3);
    const inspect = ["log", "inspect", cluster.dataDirectory(3), "--format", "json"];
    const { stdout } = await ropewalk(inspect);
    const { groups } = JSON.parse(stdout.toString()) as { groups: readonly unknown[] };
    expect(groups.length, "those of the topics, and the metadata's own").toBe(wanted + 1);
    cluster.spawn(3);
    await cluster.ready();
  });
});

/** Reads until it is closed, and remembers of which partitions. */
class PartitionsRead {
  readonly partitions = new Set<number>();
  readonly #consumer: Consumer;
  readonly #reading: Promise<void>;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
    this.#reading = this.#read();
  }

  async close(): Promise<void> {
    await this.#consumer.close();
    await this.#reading;
  }

  async #read(): Promise<void> {
    for await (const { partition } of this.#consumer) this.partitions.add(partition);
  }
}

/** A figure of a broker. */
async function metricOf(cluster: ProcessCluster, id: number, name: string): Promise<number> {
  const answer = await fetch(`${cluster.httpUrl(id)}/metrics`);
  const line = (await answer.text()).split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.split(" ")[1]);
}
