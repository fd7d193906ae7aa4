import { open } from "node:fs/promises";
import { arch, availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { createClient } from "@ropewalk/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ProcessCluster } from "../test/cluster/process-cluster.ts";

/*
 * What a user gets: three broker processes on one machine, replication factor 3, acks=all, records of 100
 * bytes from one client. Beside it the floor of the disk under them: the same bytes into three files, a
 * megabyte a write, each synced once. The client, the brokers and the disk share the processors.
 */

const recordCount = 200_000;
const value = Buffer.alloc(100, "x");
const copies = 3;
const bareWriteBytes = 1024 * 1024;

console.log(
  `Node ${process.version} on ${arch()}, ${availableParallelism()} x ${cpus()[0]?.model}`,
);

let cluster: ProcessCluster;
let client: ReturnType<typeof createClient>;

beforeAll(async () => {
  cluster = await ProcessCluster.start(copies);
  client = createClient({ bootstrapServers: cluster.bootstrapServers });
}, 60_000);

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
}, 60_000);

async function produce(topic: string): Promise<void> {
  const producer = client.producer();
  for (let written = 0; written < recordCount; written++) {
    if (!producer.write({ topic, value })) await producer.ready();
  }
  await producer.flush();
  expect(producer.statistics.recordsAcknowledged).toBe(recordCount);
  await producer.close();
}

async function consume(topic: string): Promise<void> {
  await using consumer = client.consumer({ topic });
  let seen = 0;
  for await (const record of consumer) {
    seen += record.value === null ? 0 : 1;
    if (seen === recordCount) return;
  }
}

async function writeBareFiles(): Promise<void> {
  const block = Buffer.alloc(bareWriteBytes, "x");
  for (let copy = 0; copy < copies; copy++) {
    const file = await open(join(cluster.directory, `bare-${copy}`), "w");
    let left = recordCount * value.length;
    for (; left > 0; left -= bareWriteBytes)
      await file.write(block, 0, Math.min(left, block.length));
    await file.datasync();
    await file.close();
  }
}

const rounds = { iterations: 10, time: 0, warmupIterations: 2, warmupTime: 0 };

test.for([1, 6, 100])("200,000 records, %i partitions", async (partitionCount, { bench }) => {
  const topic = `records-${partitionCount}`;
  await client.admin().createTopic({ name: topic, partitionCount, replicationFactor: copies });
  await bench.compare(
    bench("produce", () => produce(topic)),
    bench("bare files", writeBareFiles),
    bench("consume", () => consume(topic)),
    rounds,
  );
});

test("one record at a time", async ({ bench }) => {
  await client
    .admin()
    .createTopic({ name: "single", partitionCount: 1, replicationFactor: copies });
  const producer = client.producer({ lingerMs: 0 });
  await bench("send() until acknowledged", async () => {
    await producer.send({ topic: "single", value });
  }).run();
  await producer.close();
});
