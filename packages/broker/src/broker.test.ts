import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  batchBaseOffset,
  clusterService,
  crc32c,
  fetchService,
  groupService,
  healthService,
  produceService,
  readRecords,
  splitBatches,
  type StartPositionInit,
  topicService,
} from "@ropewalk/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Broker } from "./broker.ts";
import {
  batchOf,
  type Call,
  codeOf,
  configOf,
  connect,
  localhost,
  ownBroker,
  runtime,
} from "../fakes/own-broker.ts";

const directory = mkdtempSync(join(tmpdir(), "ropewalk-broker-"));
let broker: Broker;
let call: Call;
let disconnect: () => void;

async function valuesFrom(topic: string, offset: number): Promise<string[]> {
  const start = { at: { case: "offset", value: offset } } as const;
  const { recordBatches } = await call(fetchService.fetch, { topic, partition: 0, start });
  return [...splitBatches(recordBatches)].flatMap((batch) =>
    [...readRecords(batch)].map(({ value }) => Buffer.from(value ?? []).toString()),
  );
}

/** Deletes the records below an offset; answers where the partition begins then, or why it does not. */
async function startAfterCut(topic: string, offset: number, partition = 0) {
  const request = { topic, offsets: [{ partition, offset }] };
  const [start] = (await call(topicService.deleteRecords, request)).starts;
  return start?.error?.code ?? start?.logStartOffset;
}

/** Ports of one test file must not meet those of another. */
const port = 22_000 + (process.pid % 9000);

beforeAll(async () => {
  broker = await Broker.start(configOf(directory, port), runtime);
  await broker.ready;
  ({ call, close: disconnect } = connect(port));
});

afterAll(async () => {
  disconnect();
  await broker.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe("a broker over gRPC", () => {
  test("says that it serves", async () => {
    await expect(call(healthService.check, {})).resolves.toEqual({ status: "SERVING" });
    const cluster = await call(clusterService.describeCluster, {});
    expect(cluster).toMatchObject({ controllerId: 1, brokerId: 1 });
    expect(cluster.clusterId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("gives batches their offsets and answers them unchanged but for offset and epoch", async () => {
    await call(topicService.createTopic, { name: "plain", partitionCount: 1 });
    const batch = batchOf(["a", "b"]);
    const first = await call(produceService.produce, { topic: "plain", recordBatch: batch });
    const second = await call(produceService.produce, { topic: "plain", recordBatch: batch });
    expect([first.baseOffset, first.nextOffset]).toEqual([0, 2]);
    expect([second.baseOffset, second.nextOffset]).toEqual([2, 4]);
    const start = { at: { case: "offset", value: 3 } } as const;
    const fetched = await call(fetchService.fetch, { topic: "plain", partition: 0, start });
    expect(batchBaseOffset(fetched.recordBatches)).toBe(2);
    expect(
      Buffer.compare(Buffer.from(fetched.recordBatches.subarray(16)), batch.subarray(16)),
    ).toBe(0);
    expect(fetched.nextOffset).toBe(4);
  });

  test("takes records of a call that carries no batch", async () => {
    await call(topicService.createTopic, { name: "records", partitionCount: 1 });
    const records = [
      { value: Buffer.from("x") },
      { key: Buffer.from("k"), value: Buffer.from("y") },
    ];
    await call(produceService.produce, { topic: "records", records });
    expect(await valuesFrom("records", 0)).toEqual(["x", "y"]);
  });

  test("answers a producer's repeated batch with its first offsets and writes it once", async () => {
    await call(topicService.createTopic, { name: "once", partitionCount: 1 });
    const { producerId } = await call(produceService.initProducerId, {});
    const recordBatch = batchOf(["a"], { producerId, baseSequence: 0 });
    const [first, again] = await Promise.all([
      call(produceService.produce, { topic: "once", recordBatch }),
      call(produceService.produce, { topic: "once", recordBatch }),
    ]);
    expect([first.baseOffset, again.baseOffset]).toEqual([0, 0]);
    expect(first.duplicate).not.toBe(again.duplicate);
    const gap = batchOf(["c"], { producerId, baseSequence: 2 });
    const answer = codeOf(call(produceService.produce, { topic: "once", recordBatch: gap }));
    expect(await answer).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
    expect(await valuesFrom("once", 0)).toEqual(["a"]);
  });

  test("refuses what cannot be written, and writes nothing of it", async () => {
    await call(topicService.createTopic, {
      name: "refusing",
      partitionCount: 1,
      configs: new Map([["max.message.bytes", "2000"]]),
    });
    const produce = (recordBatch: Uint8Array, partition = 0, topic = "refusing") =>
      codeOf(call(produceService.produce, { topic, partition, recordBatch }));
    const damaged = batchOf(["abc"]);
    damaged[damaged.length - 2] = (damaged[damaged.length - 2] ?? 0) ^ 1;
    const lying = batchOf(["abc"]);
    lying.writeInt32BE(7, 23); // lastOffsetDelta
    lying.writeUInt32BE(crc32c(lying, 21, lying.length), 17);
    expect(await produce(damaged)).toBe("CORRUPT_MESSAGE");
    expect(await produce(lying)).not.toBe("no error");
    expect(await produce(batchOf(["abc"]).subarray(0, 30))).toBe("CORRUPT_MESSAGE");
    expect(await produce(batchOf(["x".repeat(4000)]))).toBe("MESSAGE_TOO_LARGE");
    expect(await produce(batchOf(["abc"]), 1)).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    expect(await produce(batchOf(["abc"]), -1)).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    expect(await produce(batchOf(["abc"]), 0, "nowhere")).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    expect(await produce(Buffer.alloc(0))).toBe("INVALID_REQUEST");
    expect(await valuesFrom("refusing", 0)).toEqual([]);
  });

  test("finds offsets by edge and by time, and refuses those outside the partition", async () => {
    await call(topicService.createTopic, { name: "times", partitionCount: 1 });
    for (const timestampMs of [100, 200, 300]) {
      const records = [{ timestampMs, value: Buffer.from("v") }, { timestampMs: timestampMs + 50 }];
      await call(produceService.produce, { topic: "times", records });
    }
    const offsetAt = async (timestampMs: number) => {
      const at = { at: { case: "timestampMs", value: timestampMs } } as const;
      const { offsets } = await call(fetchService.listOffsets, { topic: "times", at });
      return offsets[0]?.offset;
    };
    expect(await offsetAt(0)).toBe(0);
    expect(await offsetAt(150)).toBe(1);
    expect(await offsetAt(151)).toBe(2);
    expect(await offsetAt(9999)).toBe(6);
    const start = { at: { case: "offset", value: 7 } } as const;
    const beyond = call(fetchService.fetch, { topic: "times", partition: 0, start });
    expect(await codeOf(beyond)).toBe("OFFSET_OUT_OF_RANGE");
  });

  test("deletes records below an offset: nobody reads or finds them any more", async () => {
    await call(topicService.createTopic, { name: "cut", partitionCount: 1 });
    for (const timestampMs of [100, 200, 300]) {
      const records = [{ timestampMs, value: Buffer.from("v") }, { timestampMs: timestampMs + 50 }];
      await call(produceService.produce, { topic: "cut", records });
    }
    expect(await startAfterCut("cut", 3)).toBe(3);
    expect(await startAfterCut("cut", 1)).toBe(3); // It never moves back.
    const refused = [7, -2].map((offset) => startAfterCut("cut", offset));
    expect(await Promise.all(refused)).toEqual(["OFFSET_OUT_OF_RANGE", "OFFSET_OUT_OF_RANGE"]);
    expect(await startAfterCut("cut", 3, 1)).toBe("UNKNOWN_TOPIC_OR_PARTITION");

    const read = (at: StartPositionInit["at"]) =>
      call(fetchService.fetch, { topic: "cut", partition: 0, start: { at } });
    await expect(read({ case: "offset", value: 2 })).rejects.toMatchObject({
      code: "OFFSET_OUT_OF_RANGE",
      message: expect.stringContaining("offsets 3 to 6"),
    });
    const earliest = await read({ case: "edge", value: "EARLIEST" });
    expect([earliest.startOffset, earliest.logStartOffset, earliest.nextOffset]).toEqual([3, 3, 6]);
    expect((await read({ case: "timestampMs", value: 0 })).startOffset).toBe(3);

    expect(await startAfterCut("cut", -1)).toBe(6);
    const next = await call(produceService.produce, { topic: "cut", recordBatch: batchOf(["x"]) });
    expect(next.baseOffset).toBe(6);
    expect(await valuesFrom("cut", 6)).toEqual(["x"]);
  });

  test("takes only records with a key for a compacted topic, and deletes none of them by offset", async () => {
    const configs = new Map([["cleanup.policy", "compact"]]);
    await call(topicService.createTopic, { name: "compacted", partitionCount: 1, configs });
    const keyed = { key: Buffer.from("k"), value: Buffer.from("v") };
    const produce = (records: { key?: Buffer; value: Buffer }[]) =>
      call(produceService.produce, { topic: "compacted", records });
    await expect(produce([keyed, { value: Buffer.from("v") }])).rejects.toMatchObject({
      code: "INVALID_RECORD",
      message: expect.stringContaining("record 1 of the batch has no key"),
    });
    expect((await produce([keyed, keyed])).nextOffset).toBe(2);
    expect(await startAfterCut("compacted", 1)).toBe("POLICY_VIOLATION");
  });

  test.each(["", "..", "../etc", "a\u0000b", "x".repeat(300), "naïve", "a b", "__mine"])(
    "refuses the topic name %j",
    async (name) => {
      expect(await codeOf(call(topicService.createTopic, { name }))).toBe("INVALID_TOPIC");
    },
  );

  test("refuses topics that it cannot make as asked", async () => {
    const create = (topic: Parameters<typeof topicService.createTopic.requestSerialize>[0]) =>
      codeOf(call(topicService.createTopic, topic));
    expect(await create({ name: "t", replicationFactor: 2 })).toBe("INVALID_REPLICATION_FACTOR");
    expect(await create({ name: "t", partitionCount: -1 })).toBe("INVALID_PARTITIONS");
    expect(await create({ name: "t", partitionCount: 1e6 })).toBe("INVALID_PARTITIONS");
    const configs = new Map([["max.message.bytes", "many"]]);
    expect(await create({ name: "t", configs })).toBe("INVALID_CONFIG");
    expect(await create({ name: "t", configs: new Map([["no.such", "1"]]) })).toBe(
      "INVALID_CONFIG",
    );
    expect(await codeOf(call(topicService.describeTopic, { name: "t" }))).toBe(
      "UNKNOWN_TOPIC_OR_PARTITION",
    );
  });

  test("forgets a deleted topic's records, so that its name can be used again at once", async () => {
    await call(topicService.createTopic, { name: "again", partitionCount: 1 });
    await call(produceService.produce, { topic: "again", recordBatch: batchOf(["old"]) });
    await call(topicService.deleteTopic, { name: "again" });
    expect(await codeOf(call(topicService.deleteTopic, { name: "again" }))).toBe(
      "UNKNOWN_TOPIC_OR_PARTITION",
    );
    await call(topicService.createTopic, { name: "again", partitionCount: 1 });
    const recordBatch = batchOf(["new"]);
    await expect
      .poll(() => codeOf(call(produceService.produce, { topic: "again", recordBatch })))
      .toBe("no error");
    expect(await valuesFrom("again", 0)).toEqual(["new"]);
  });

  test("keeps a group's offsets, and lets nobody but its members commit while it has some", async () => {
    await call(topicService.createTopic, { name: "grouped", partitionCount: 2 });
    const offsets = [{ topic: "grouped", partition: 1, offset: 5, metadata: "m" }];
    await call(groupService.commitOffsets, { groupId: "g", memberEpoch: -1, offsets });
    const member = { groupId: "g", memberId: "m1", topics: ["grouped"] };
    const joined = await call(groupService.heartbeat, { ...member, memberEpoch: 0 });
    expect(joined.assignment).toEqual([{ topic: "grouped", partitions: [0, 1] }]);
    const outside = call(groupService.commitOffsets, { groupId: "g", memberEpoch: -1, offsets });
    expect(await codeOf(outside)).toBe("UNKNOWN_MEMBER_ID");
    for (const partition of [-1, 2]) {
      const nowhere = [{ topic: "grouped", partition, offset: 5 }];
      const commit = { groupId: "empty", memberEpoch: -1, offsets: nowhere };
      expect(await codeOf(call(groupService.commitOffsets, commit))).toBe(
        "UNKNOWN_TOPIC_OR_PARTITION",
      );
    }
    const intoGroups = { topic: "__consumer_offsets", recordBatch: batchOf(["a"]) };
    expect(await codeOf(call(produceService.produce, intoGroups))).toBe("INVALID_TOPIC");
    const known = await call(groupService.fetchOffsets, { groupId: "g" });
    expect(known.offsets).toEqual(offsets);
    const stranger = { ...member, memberId: "m2", memberEpoch: 3 };
    expect(await codeOf(call(groupService.heartbeat, stranger))).toBe("UNKNOWN_MEMBER_ID");
    expect(await codeOf(call(groupService.describeGroup, { groupId: "h" }))).toBe(
      "GROUP_ID_NOT_FOUND",
    );
    await call(groupService.heartbeat, { ...member, memberEpoch: -1 });
    const { groups } = await call(groupService.listGroups, {});
    expect(groups).toEqual([{ groupId: "g", state: "EMPTY", memberCount: 0 }]);
  });
});

test("Broker.start() has everything again that was acknowledged before it was stopped", async () => {
  const own = mkdtempSync(join(tmpdir(), "ropewalk-broker-"));
  const config = configOf(own, port + 1);
  for (let round = 0; round < 3; round += 1) {
    const restarted = await Broker.start(config, runtime);
    await restarted.ready;
    const client = connect(port + 1);
    if (round === 0)
      await client.call(topicService.createTopic, { name: "kept", partitionCount: 1 });
    const recordBatch = batchOf([`round ${round}`], { producerId: 99, baseSequence: round });
    const produce = () => client.call(produceService.produce, { topic: "kept", recordBatch });
    await expect.poll(() => codeOf(produce())).toBe("no error");
    const again = await produce();
    expect(again).toMatchObject({ baseOffset: round, duplicate: true });
    client.close();
    await restarted.stop();
  }
  rmSync(own, { recursive: true, force: true });
});

test.each([
  ["its checkpoint", () => undefined],
  ["the log alone", (of: string) => rmSync(join(of, "state"), { recursive: true })],
])("Broker.start() knows from %s where a partition begins", async (_what, meanwhile) => {
  await using own = await ownBroker(port + 7);
  await own.call(topicService.createTopic, { name: "cut", partitionCount: 1 });
  const produce = () =>
    own.call(produceService.produce, { topic: "cut", recordBatch: batchOf(["a", "b"]) });
  await produce();
  const cut = { topic: "cut", offsets: [{ partition: 0, offset: 1 }] };
  expect((await own.call(topicService.deleteRecords, cut)).starts[0]?.logStartOffset).toBe(1);
  await own.again(() => meanwhile(own.directory));
  await expect.poll(() => codeOf(produce())).toBe("no error");
  const at = { at: { case: "edge", value: "EARLIEST" } } as const;
  const { offsets } = await own.call(fetchService.listOffsets, { topic: "cut", at });
  expect(offsets).toMatchObject([{ offset: 1, logStartOffset: 1, highWatermark: 4 }]);
});

test("a topic can be deleted while everything is being written to it", async () => {
  await using own = await ownBroker(port + 3);
  for (let round = 0; round < 5; round += 1) {
    await own.call(topicService.createTopic, { name: "busy", partitionCount: 16 });
    const produce = (partition: number) =>
      codeOf(
        own.call(produceService.produce, { topic: "busy", partition, recordBatch: batchOf(["x"]) }),
      );
    const writes = Array.from({ length: 160 }, (_, i) => produce(i % 16));
    await own.call(topicService.deleteTopic, { name: "busy" });
    await Promise.all([...writes, ...Array.from({ length: 32 }, (_, i) => produce(i % 16))]);
  }
  expect((await own.call(topicService.listTopics, {})).topics).toEqual([]);
});

test("Broker.start() goes through the metadata again when its materialized state is lost", async () => {
  await using own = await ownBroker(port + 4);
  await own.call(topicService.createTopic, { name: "gone", partitionCount: 2 });
  await own.call(topicService.createTopic, { name: "kept", partitionCount: 1 });
  await own.call(produceService.produce, { topic: "kept", recordBatch: batchOf(["still here"]) });
  await own.call(topicService.deleteTopic, { name: "gone" });
  await own.again(() => rmSync(join(own.directory, "state"), { recursive: true }));
  const start = { at: { case: "offset", value: 0 } } as const;
  const read = () => own.call(fetchService.fetch, { topic: "kept", partition: 0, start });
  await expect.poll(() => codeOf(read())).toBe("no error");
  expect((await read()).nextOffset).toBe(1);
  const { topics } = await own.call(topicService.listTopics, {});
  expect(topics.map(({ name }) => name)).toEqual(["kept"]);
});

test("Broker.start() keeps the log of a damaged replica, out of service, and serves the others", async () => {
  await using own = await ownBroker(port + 5);
  for (const name of ["hurt", "whole"]) {
    await own.call(topicService.createTopic, { name, partitionCount: 1 });
    await own.call(produceService.produce, {
      topic: name,
      recordBatch: batchOf([`value of ${name}`]),
    });
  }
  const logDirectory = join(own.directory, "log");
  const flip = (): void => {
    const name = readdirSync(logDirectory).find((each) => each.startsWith("journal-")) ?? "";
    const bytes = readFileSync(join(logDirectory, name));
    const at = bytes.indexOf("value of hurt");
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(join(logDirectory, name), bytes);
  };
  for (let round = 0; round < 2; round += 1) {
    await own.again(round === 0 ? flip : () => undefined);
    const start = { at: { case: "offset", value: 0 } } as const;
    const read = (topic: string) => own.call(fetchService.fetch, { topic, partition: 0, start });
    await expect.poll(() => codeOf(read("whole"))).toBe("no error");
    expect(await codeOf(read("hurt"))).toBe("NOT_LEADER");
    const { topics } = await own.call(topicService.listTopics, {});
    expect(topics.map(({ name }) => name)).toEqual(["hurt", "whole"]);
  }
});

test("Broker.start() refuses a journal that is gone and a cluster that was formed by others", async () => {
  const own = mkdtempSync(join(tmpdir(), "ropewalk-broker-"));
  const config = configOf(own, port + 6);
  await (await Broker.start(config, runtime)).stop();
  const address = { host: localhost, port: 1 };
  const more = [...config.bootstrap, { brokerId: 2, address }];
  const others = Broker.start({ ...config, bootstrap: more }, runtime);
  await expect(others).rejects.toThrow(/formed by brokers 1, and --peers names 1, 2/);
  rmSync(join(own, "log"), { recursive: true });
  await expect(Broker.start(config, runtime)).rejects.toThrow(/journal is gone/);
  rmSync(own, { recursive: true, force: true });
});

test("Broker.start() refuses a directory that another broker uses or owns, and gives ports back", async () => {
  const inUse = Broker.start(configOf(directory, port + 2), runtime);
  await expect(inUse).rejects.toThrow(/broker 1/);
  const own = mkdtempSync(join(tmpdir(), "ropewalk-broker-"));
  await expect(Broker.start(configOf(own, port), runtime)).rejects.toThrow(String(port));
  const config = configOf(own, port + 2);
  const other = {
    ...config,
    brokerId: 2,
    bootstrap: [{ brokerId: 2, address: config.peer.listen }],
  };
  await expect(Broker.start(other, runtime)).rejects.toThrow(/it is the data of broker 1/);
  await (await Broker.start(config, runtime)).stop();
  rmSync(own, { recursive: true, force: true });
});
