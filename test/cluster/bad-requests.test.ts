import { status } from "@grpc/grpc-js";
import {
  clusterService,
  crc32c,
  type ErrorCode,
  fetchService,
  groupService,
  type ProduceAck,
  type ProduceRequestInit,
  produceService,
  RecordBatchBuilder,
  topicService,
} from "@ropewalk/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GrpcCaller } from "./grpc-caller.ts";
import { MisusedCluster } from "./misused-cluster.ts";
import { waitFor } from "./wait-for.ts";

describe("bad input through gRPC", () => {
  const callers = new Map<number, GrpcCaller>();
  let cluster: MisusedCluster;

  beforeAll(async () => {
    cluster = await MisusedCluster.start();
    using first = new GrpcCaller(cluster.bootstrapServers[0] ?? "");
    const { brokers } = await first.call(clusterService.describeCluster, {});
    for (const { brokerId, host, port } of brokers) {
      callers.set(brokerId, new GrpcCaller(`${host}:${port}`));
    }
  });
  afterAll(async () => {
    for (const caller of callers.values()) caller[Symbol.dispose]();
    await cluster[Symbol.asyncDispose]();
  });

  async function leaderOf(topic: string, partition: number): Promise<GrpcCaller> {
    for (const caller of callers.values()) {
      const { topic: described } = await caller.call(topicService.describeTopic, { name: topic });
      const leader = callers.get(described?.partitions[partition]?.leaderId ?? 0);
      if (leader !== undefined) return leader;
    }
    throw new Error(`nobody leads ${topic}-${partition}`);
  }

  test.each(["", ".", "..", "../etc", "a\0b", "x".repeat(300), "naïve", "a b", "__mine"])(
    "the topic name %j is refused by every broker",
    async (name) => {
      for (const caller of callers.values()) {
        expect(await caller.refusal(topicService.createTopic, { name })).toMatchObject({
          grpcStatus: status.INVALID_ARGUMENT,
          code: "INVALID_TOPIC",
        });
      }
    },
  );

  test("a topic that cannot be made as asked is refused by every broker", async () => {
    const asked: [Parameters<typeof topicService.createTopic.requestSerialize>[0], ErrorCode][] = [
      [{ name: "t", replicationFactor: 4 }, "INVALID_REPLICATION_FACTOR"],
      [{ name: "t", replicationFactor: -1 }, "INVALID_REPLICATION_FACTOR"],
      [{ name: "t", partitionCount: -1 }, "INVALID_PARTITIONS"],
      [{ name: "t", partitionCount: 2 ** 31 - 1 }, "INVALID_PARTITIONS"],
      [{ name: "t", configs: new Map([["no.such", "1"]]) }, "INVALID_CONFIG"],
      [{ name: "orders" }, "TOPIC_ALREADY_EXISTS"],
    ];
    for (const caller of callers.values()) {
      for (const [request, code] of asked) {
        expect(await caller.refusal(topicService.createTopic, request)).toMatchObject({ code });
      }
      expect(await caller.refusal(topicService.deleteTopic, { name: "t" })).toMatchObject({
        grpcStatus: status.NOT_FOUND,
        code: "UNKNOWN_TOPIC_OR_PARTITION",
      });
      const internal = { name: "__consumer_offsets" };
      expect(await caller.refusal(topicService.deleteTopic, internal)).toMatchObject({
        code: "INVALID_TOPIC",
      });
    }
  });

  test.each(badBatches())("a batch with $fault is refused with $code", async (bad) => {
    const { topic = "orders", partition = 0, code } = bad;
    const leader = topic === "nowhere" ? callers.get(1) : await leaderOf(topic, 0);
    const request = { topic, partition, recordBatch: bad.batch, ...bad.request };
    expect(await leader?.refusal(produceService.produce, request)).toMatchObject({ code });
  });

  test("a produce stream outlives what it refuses", async () => {
    const leader = await leaderOf("orders", 0);
    const stream = leader.open(produceService.produceStream);
    const acks: ProduceAck[] = [];
    const errors: unknown[] = [];
    stream.on("error", (error) => errors.push(error));
    stream.on("data", (response: { acks: ProduceAck[] }) => acks.push(...response.acks));
    const sent = badBatches().filter(({ request }) => request === undefined);
    for (const [correlationId, { batch, partition = 0, topic = "orders" }] of sent.entries()) {
      stream.write({ correlationId, topic, partition, recordBatch: batch });
    }
    await waitFor(
      () =>
        `every batch has its ack; there are ${acks.length} of ${sent.length}, errors ${String(errors)}`,
      60_000,
      () => acks.length >= sent.length,
    );
    const codes = acks.toSorted((a, b) => a.correlationId - b.correlationId);
    // Where a partition is led elsewhere, that is said first.
    const answered = codes.map(({ error }, i) =>
      error?.code === "NOT_LEADER" && sent[i]?.topic === "small" ? sent[i].code : error?.code,
    );
    expect(answered).toEqual(sent.map(({ code }) => code));
    stream.end();
    await waitFor("the stream ends", 60_000, () => stream.closed || stream.readableEnded);
    expect(errors).toEqual([]);
  });

  test("reading outside of a partition, or from nowhere, is refused", async () => {
    const leader = await leaderOf("orders", 0);
    const at = (offset: number) => ({ at: { case: "offset", value: offset } }) as const;
    for (const offset of [-1, 2, Number.MAX_SAFE_INTEGER]) {
      const request = { topic: "orders", partition: 0, start: at(offset) };
      const refusal = await leader.refusal(fetchService.fetch, request);
      expect(refusal).toMatchObject({
        grpcStatus: status.OUT_OF_RANGE,
        code: "OFFSET_OUT_OF_RANGE",
      });
      expect(refusal?.message).toContain(String(offset));
    }
    const fetches = [
      [{ topic: "orders", partition: 0 }, "INVALID_REQUEST"],
      [{ topic: "orders", partition: 2, start: at(0) }, "UNKNOWN_TOPIC_OR_PARTITION"],
      [{ topic: "orders", partition: -1, start: at(0) }, "UNKNOWN_TOPIC_OR_PARTITION"],
      [{ topic: "nowhere", partition: 0, start: at(0) }, "UNKNOWN_TOPIC_OR_PARTITION"],
    ] as const;
    for (const [request, code] of fetches) {
      expect(await leader.refusal(fetchService.fetch, request)).toMatchObject({ code });
    }
  });

  test("a group's offsets are refused where they cannot be right", async () => {
    const committed = { topic: "orders", partition: 0, offset: 1, metadata: "" };
    const commit = { groupId: "g", memberEpoch: -1 };
    const commits = [
      [{ ...commit, offsets: [{ ...committed, offset: -1 }] }, "INVALID_REQUEST"],
      [{ ...commit, offsets: [{ ...committed, partition: 2 }] }, "UNKNOWN_TOPIC_OR_PARTITION"],
      [{ ...commit, offsets: [{ ...committed, partition: -1 }] }, "UNKNOWN_TOPIC_OR_PARTITION"],
      [{ ...commit, offsets: [{ ...committed, topic: "x" }] }, "UNKNOWN_TOPIC_OR_PARTITION"],
      [{ ...commit, memberId: "nobody", offsets: [committed] }, "UNKNOWN_MEMBER_ID"],
      [{ ...commit, groupId: "", offsets: [committed] }, "INVALID_GROUP_ID"],
      [{ ...commit, groupId: "a\0b", offsets: [committed] }, "INVALID_GROUP_ID"],
    ] as const;
    const [caller] = callers.values();
    for (const [request, code] of commits) {
      expect(await caller?.refusal(groupService.commitOffsets, request)).toMatchObject({ code });
    }
    const fetched = await caller?.call(groupService.fetchOffsets, { groupId: "g" });
    expect(fetched?.offsets).toEqual([]);
  });

  test("has changed nothing", () => cluster.expectUnchanged());
});

interface BadBatch {
  readonly fault: string;
  readonly code: ErrorCode;
  readonly batch: Uint8Array;
  readonly topic?: string;
  readonly partition?: number;
  /** What stands in the call instead of the batch alone. */
  readonly request?: ProduceRequestInit;
}

function badBatches(): BadBatch[] {
  const good = batchOf("abc");
  return [
    { fault: "no bytes", code: "INVALID_REQUEST", batch: Buffer.alloc(0), request: {} },
    {
      fault: "records beside it",
      code: "INVALID_REQUEST",
      batch: good,
      request: { records: [{ value: Buffer.from("x") }] },
    },
    { fault: "half a header", code: "CORRUPT_MESSAGE", batch: good.subarray(0, 30) },
    { fault: "a torn end", code: "CORRUPT_MESSAGE", batch: good.subarray(0, -1) },
    { fault: "bytes behind it", code: "CORRUPT_MESSAGE", batch: Buffer.concat([good, good]) },
    { fault: "one wrong bit", code: "CORRUPT_MESSAGE", batch: edited(good, 62, 0x10) },
    { fault: "a format of 1", code: "INVALID_RECORD", batch: edited(good, 16, 3) },
    { fault: "a control bit", code: "INVALID_RECORD", batch: checked(edited(good, 22, 0x20)) },
    { fault: "an unknown codec", code: "INVALID_RECORD", batch: checked(edited(good, 22, 7)) },
    { fault: "too many records", code: "INVALID_RECORD", batch: checked(edited(good, 60, 0x70)) },
    {
      fault: "more bytes than its topic allows",
      code: "MESSAGE_TOO_LARGE",
      batch: batchOf("x".repeat(4000)),
      topic: "small",
    },
    {
      fault: "more bytes than any topic allows",
      code: "MESSAGE_TOO_LARGE",
      batch: batchOf("x".repeat(9 * 1024 * 1024)),
    },
    {
      fault: "a partition that is not",
      code: "UNKNOWN_TOPIC_OR_PARTITION",
      batch: good,
      partition: 2,
    },
    { fault: "a partition of -1", code: "UNKNOWN_TOPIC_OR_PARTITION", batch: good, partition: -1 },
    { fault: "no such topic", code: "UNKNOWN_TOPIC_OR_PARTITION", batch: good, topic: "nowhere" },
    {
      fault: "a topic of the cluster's own",
      code: "INVALID_TOPIC",
      batch: good,
      topic: "__consumer_offsets",
    },
  ];
}

function batchOf(value: string): Buffer {
  const builder = new RecordBatchBuilder();
  builder.append(1000, undefined, Buffer.from(value));
  return Buffer.from(builder.build({}));
}

function edited(batch: Buffer, position: number, bits: number): Buffer {
  const copy = Buffer.from(batch);
  copy.writeUInt8(copy.readUInt8(position) ^ bits, position);
  return copy;
}

/** With the checksum of what it says now. */
function checked(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, 21, batch.length), 17);
  return batch;
}
