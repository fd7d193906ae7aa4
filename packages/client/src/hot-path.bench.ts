import assert from "node:assert/strict";
import { NodeClock, NodeRandom } from "@ropewalk/runtime/node";
import { test } from "vitest";
import { FakeLog } from "../fakes/fake-log.ts";
import { ClusterConnection } from "./cluster-connection.ts";
import { ConsumerFeed } from "./consumer-feed.ts";
import type { FetchStream } from "./fetch-stream.ts";
import { partitionOfKey } from "./partitioner.ts";
import { PartitionReader } from "./partition-reader.ts";
import type { ProducerPartition } from "./producer-partition.ts";
import { RecordAccumulator } from "./record-accumulator.ts";

const recordCount = 10_000;
const logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => logger };
const cluster = new ClusterConnection({
  bootstrapServers: ["127.0.0.1:1"],
  rack: "",
  clientId: "bench",
  clock: new NodeClock(),
  random: new NodeRandom(),
  logger,
});
const partitions = [{ partition: 0, leaderId: 1, leaderEpoch: 1 }];
const brokers = [{ brokerId: 1, host: "127.0.0.1", port: 1 }];
cluster.metadata.merge({ brokers, topics: [{ name: "t", topicId: "t", partitions }] }, ["t"]);

const accumulator = new RecordAccumulator(
  cluster,
  {
    idempotent: true,
    lingerMs: 60_000,
    batchBytesMax: 256 * 1024,
    unknownTopicTimeoutMs: 1,
    compression: "none",
  },
  { onReady: send, onOpened() {}, onTopicUnknown() {}, onHeldFailed() {}, onPartitionsGone() {} },
);

/** What the sender does, without the network: encodes every batch and has it acknowledged at once. */
function send(partition: ProducerPartition): void {
  const { queue } = partition;
  if (queue.needsIdentity) queue.adoptIdentity({ producerId: 1, producerEpoch: 0 });
  for (let batch = queue.take(); batch !== undefined; batch = queue.take()) {
    assert(batch.recordBatch.length > 0);
    queue.succeeded(batch);
    accumulator.release(batch, true);
  }
}

const value = Buffer.alloc(100, 1);
const key = Buffer.from("customer-4711");
const log = new FakeLog();
log.write(...Array.from({ length: recordCount }, () => "x".repeat(100)));
const stream = { giveBack() {} } as unknown as FetchStream;

function feedOf(): ConsumerFeed {
  const feed = new ConsumerFeed(() => false);
  const options = { topic: "t", partition: 0, from: "earliest", exitAtEnd: false } as const;
  const reader = new PartitionReader({ ...options, backoff: cluster.backoff() });
  reader.started(0, log.endOffset);
  const chunk = reader.received(stream, Buffer.concat(log.batches), log.endOffset, log.endOffset);
  if (chunk !== undefined) feed.push(chunk);
  return feed;
}

test("10,000 records of 100 bytes an operation", async ({ bench }) => {
  await bench.compare(
    bench("RecordAccumulator.append() and encoding", () => {
      for (let index = 0; index < recordCount; index++)
        accumulator.append({ topic: "t", value }, undefined);
    }),
    bench("RecordAccumulator.append() with keys, and encoding", () => {
      for (let index = 0; index < recordCount; index++)
        accumulator.append({ topic: "t", key, value }, undefined);
    }),
    bench("partitionOfKey()", () => {
      let sum = 0;
      for (let index = 0; index < recordCount; index++) sum += partitionOfKey(key, 12);
      assert(sum >= 0);
    }),
    bench("ConsumerFeed.nextRecord()", () => {
      const feed = feedOf();
      let count = 0;
      while (feed.nextRecord() !== undefined) count++;
      assert(count === recordCount);
    }),
    bench("ConsumerFeed.nextBatch() without decoding", () => {
      const feed = feedOf();
      let count = 0;
      for (let batch = feed.nextBatch(); batch !== undefined; batch = feed.nextBatch())
        count += batch.recordCount;
      assert(count === recordCount);
    }),
  );
});
