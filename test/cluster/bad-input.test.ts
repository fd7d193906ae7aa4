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
import { ScratchCluster } from "./dev-cluster.ts";
import { freePorts } from "./free-ports.ts";
import { GrpcCaller } from "./grpc-caller.ts";
import { ropewalk } from "./run-command.ts";
import { waitFor } from "./wait-for.ts";

/** A mistake at the command line, and the one line that answers it. */
interface Mistake {
  readonly args: readonly string[];
  readonly input?: string;
  readonly status: 1 | 2;
  readonly says: readonly (string | RegExp)[];
}

const tooLong = "x".repeat(300);

const failures: Mistake[] = [
  {
    args: ["produce", "nowhere"],
    input: "a\n",
    status: 1,
    says: ["topic nowhere", "does not exist", "ropewalk topic create nowhere"],
  },
  {
    args: ["consume", "nowhere", "-e"],
    status: 1,
    says: ["topic nowhere", "does not exist", "ropewalk topic create nowhere"],
  },
  { args: ["topic", "describe", "nowhere"], status: 1, says: ["nowhere", "does not exist"] },
  { args: ["topic", "delete", "nowhere"], status: 1, says: ["nowhere", "does not exist"] },
  { args: ["group", "describe", "nobody"], status: 1, says: ["nobody", "ropewalk group list"] },
  {
    args: ["produce", "orders", "-p", "2"],
    input: "a\n",
    status: 1,
    says: ["orders has no partition 2", "0–1"],
  },
  { args: ["consume", "orders", "-p", "2", "-e"], status: 1, says: ["orders has no partition 2"] },
  {
    args: ["consume", "orders", "-p", "0", "-o", "100", "-e"],
    status: 1,
    says: ["offset 100", "use --offset earliest or latest"],
  },
  {
    args: ["produce", "small"],
    input: `${"x".repeat(4000)}\n`,
    status: 1,
    says: [/1 of 1 records were not acknowledged/, /larg/],
  },
  { args: ["topic", "create", "orders"], status: 1, says: ["ropewalk topic describe orders"] },
  {
    args: ["topic", "create", "many", "-r", "4"],
    status: 1,
    says: ["4 replicas", "3 brokers"],
  },
  { args: ["topic", "create", "many", "-p", "20000"], status: 1, says: ["20000", "10000"] },
  { args: ["topic", "create", "many", "-c", "no.such=1"], status: 1, says: ["no.such"] },
  {
    args: ["topic", "create", "many", "-c", "max.message.bytes=lots"],
    status: 1,
    says: ["max.message.bytes", "lots"],
  },
  ...["../etc", "..", ".", "", "a b", "naïve", "a/b", tooLong, "__mine"].map((name): Mistake => ({
    args: ["topic", "create", "--", name],
    status: 1,
    says: ["topic"],
  })),
  { args: ["topic", "delete", "__consumer_offsets"], status: 1, says: ["__consumer_offsets"] },
  {
    args: ["produce", "__consumer_offsets"],
    input: "a\n",
    status: 1,
    says: ["__consumer_offsets"],
  },
];

const slips: Mistake[] = [
  { args: ["topic", "create", "many", "-p", "0"], status: 2, says: ["--partitions", "1 to"] },
  { args: ["topic", "create", "many", "-p", "two"], status: 2, says: ["--partitions", "two"] },
  { args: ["topic", "create", "many", "-r", "-1"], status: 2, says: ["--replication-factor"] },
  { args: ["topic", "create", "many", "-c", "novalue"], status: 2, says: ["--config", "novalue"] },
  { args: ["topic", "create"], status: 2, says: ["name", "topic create --help"] },
  { args: ["topic", "destroy", "orders"], status: 2, says: ["destroy"] },
  { args: ["produce", "orders", "-p", "-1"], status: 2, says: ["--partition", "-1"] },
  { args: ["produce", "orders", "--acks", "2"], status: 2, says: ["--acks", "all, 1"] },
  { args: ["produce", "orders", "-k", ""], status: 2, says: ["--key-separator"] },
  { args: ["produce", "orders", "-H", "novalue"], status: 2, says: ["--header", "novalue"] },
  { args: ["produce", "orders", "-z", "rar"], status: 2, says: ["--compression", "rar"] },
  { args: ["produce"], status: 2, says: ["topic"] },
  { args: ["consume", "orders", "-o", "soon"], status: 2, says: ["--offset", "soon"] },
  { args: ["consume", "orders", "-o", "@soon"], status: 2, says: ["--offset", "@soon"] },
  { args: ["consume", "orders", "-n", "0"], status: 2, says: ["--count", "0"] },
  { args: ["consume", "orders", "-f", "%q"], status: 2, says: ["%q"] },
  {
    args: ["consume", "orders", "--from-beginning", "-o", "1"],
    status: 2,
    says: ["--from-beginning", "--offset"],
  },
  { args: ["consume", "orders", "-g", "g", "-p", "0"], status: 2, says: ["--group"] },
  { args: ["consume", "orders", "--format", "xml"], status: 2, says: ["--format", "text, json"] },
  { args: ["consume", "orders", "--nonsense"], status: 2, says: ["--nonsense"] },
  { args: ["topic", "list", "-b", "localhost:many"], status: 2, says: ["localhost:many"] },
  { args: ["dev", "--port-base", "65530"], status: 2, says: ["--port-base", "65506"] },
  { args: ["dev", "--brokers", "0"], status: 2, says: ["--brokers"] },
  { args: ["nonsense"], status: 2, says: ["nonsense"] },
];

describe("bad input", { timeout: 60_000 }, () => {
  let cluster: ScratchCluster;
  let bootstrapServers: readonly string[];

  beforeAll(async () => {
    cluster = await ScratchCluster.start();
    ({ bootstrapServers } = cluster);
    const small = ["-c", "max.message.bytes=2000"];
    for (const args of [
      ["create", "orders", "-p", "2"],
      ["create", "small", "-p", "1", ...small],
    ]) {
      expect((await ropewalk(["topic", ...args], { bootstrapServers })).status).toBe(0);
    }
    await ropewalk(["produce", "orders", "-p", "0"], { bootstrapServers, input: "first\n" });
    // A group's first heartbeat makes the internal topic, which is then there to be misused.
    const args = ["consume", "orders", "-g", "first", "--from-beginning", "-n", "1"];
    expect((await ropewalk(args, { bootstrapServers })).stdout.toString()).toBe("first\n");
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  /** What there was before any mistake was made, and nothing else. */
  async function expectUnchanged(): Promise<void> {
    const listed = await ropewalk(["topic", "list", "--format", "json"], { bootstrapServers });
    const topics = JSON.parse(listed.stdout.toString()) as { name: string }[];
    expect(topics.map(({ name }) => name).toSorted()).toEqual(["orders", "small"]);
    for (const [topic, content] of [
      ["orders", "first\n"],
      ["small", ""],
    ] as const) {
      const args = ["consume", topic, "--from-beginning", "-e"];
      const { stdout, stderr } = await ropewalk(args, { bootstrapServers });
      expect({ topic, stdout: stdout.toString(), stderr }).toEqual({
        topic,
        stdout: content,
        stderr: "",
      });
    }
  }

  test.each([...failures, ...slips])(
    "ropewalk $args ends with status $status and one line that says why",
    async ({ args, input, says, status: expected }) => {
      const result = await ropewalk(args, { bootstrapServers, input: input ?? "" });
      expect(result.status).toBe(expected);
      expect(result.stdout.toString()).toBe("");
      // Where records were read, a line before says how many were written: none.
      const [told, ...more] = result.stderr
        .replace(/^0 records, .*\n/, "")
        .trimEnd()
        .split("\n");
      expect(more).toEqual([]);
      expect(told).toMatch(/^ropewalk: \S/);
      for (const words of says) {
        if (typeof words === "string") expect(told).toContain(words);
        else expect(told).toMatch(words);
      }
    },
  );

  test("at the command line has written nothing", expectUnchanged);

  test.concurrent.each([
    ["topic", "list"],
    ["produce", "orders"],
    ["consume", "orders", "-e"],
  ])(
    "ropewalk %s %s names the address at which nobody answers, and what to do",
    async (...args) => {
      const [port] = await freePorts(1);
      const result = await ropewalk([...args, "-b", `127.0.0.1:${port}`], { input: "a\n" });
      expect({ status: result.status, stdout: result.stdout.toString() }).toEqual({
        status: 1,
        stdout: "",
      });
      expect(result.stderr).toMatch(/^ropewalk: cannot .*; .*ropewalk dev.*\n$/);
      expect(result.stderr).toContain(`no broker answers at 127.0.0.1:${port}`);
    },
  );

  describe("through gRPC", () => {
    const callers = new Map<number, GrpcCaller>();

    beforeAll(async () => {
      using first = new GrpcCaller(bootstrapServers[0] ?? "");
      const { brokers } = await first.call(clusterService.describeCluster, {});
      for (const { brokerId, host, port } of brokers) {
        callers.set(brokerId, new GrpcCaller(`${host}:${port}`));
      }
    });
    afterAll(() => {
      for (const caller of callers.values()) caller[Symbol.dispose]();
    });

    async function leaderOf(topic: string, partition: number): Promise<GrpcCaller> {
      for (const caller of callers.values()) {
        const { topic: described } = await caller.call(topicService.describeTopic, { name: topic });
        const leader = callers.get(described?.partitions[partition]?.leaderId ?? 0);
        if (leader !== undefined) return leader;
      }
      throw new Error(`nobody leads ${topic}-${partition}`);
    }

    test.each(["", ".", "..", "../etc", "a\0b", tooLong, "naïve", "a b", "__mine"])(
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
      const asked: [Parameters<typeof topicService.createTopic.requestSerialize>[0], ErrorCode][] =
        [
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
        10_000,
        () => acks.length >= sent.length,
      );
      const codes = acks.toSorted((a, b) => a.correlationId - b.correlationId);
      // Where a partition is led elsewhere, that is said first.
      const answered = codes.map(({ error }, i) =>
        error?.code === "NOT_LEADER" && sent[i]?.topic === "small" ? sent[i].code : error?.code,
      );
      expect(answered).toEqual(sent.map(({ code }) => code));
      stream.end();
      await waitFor("the stream ends", 10_000, () => stream.closed || stream.readableEnded);
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

    test("has written nothing", expectUnchanged);
  });
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
