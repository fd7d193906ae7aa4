import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  type FetchResponse,
  fetchService,
  produceService,
  readRecords,
  RecordBatchBuilder,
  splitBatches,
  type StartPositionInit,
  topicService,
} from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { batchOf, type Call, codeOf, type OwnBroker, ownBroker } from "../fakes/own-broker.ts";

/** Ports of one test file must not meet those of another. */
const port = 10_000 + (process.pid % 9000);
const kibibyte = 1024;

/** A broker on which data moves to segments, and is let go, within moments. */
function brokerWithSmallLog(clientPort: number): Promise<OwnBroker> {
  return ownBroker(clientPort, {
    limits: { tickMs: 5, checkpointMs: 50, retentionCheckMs: 50, compactionCheckMs: 50 },
    log: {
      journalBytesMax: 512 * kibibyte,
      fileBytesMax: 128 * kibibyte,
      fillAheadBytes: 64 * kibibyte,
      cacheBytesMax: 64 * kibibyte,
      destageBytesPerSecondMax: 0,
      compactionBytesPerSecondMax: 0,
      diskReserveBytes: 1,
    },
  });
}

function keyedBatch(pairs: readonly (readonly [key: string, value: string])[]): Buffer {
  const builder = new RecordBatchBuilder();
  for (const [key, value] of pairs) builder.append(1000, Buffer.from(key), Buffer.from(value));
  return Buffer.from(builder.build());
}

/** Every record from the earliest on: offset, key and the first character of the value. */
async function recordsOf(call: Call, topic: string): Promise<string[]> {
  const records: string[] = [];
  let at: StartPositionInit["at"] = { case: "edge", value: "EARLIEST" };
  for (;;) {
    const start = { at };
    const piece: FetchResponse = await call(fetchService.fetch, { topic, partition: 0, start });
    const { highWatermark, nextOffset, recordBatches } = piece;
    for (const batch of splitBatches(recordBatches)) {
      for (const { key, offset, value } of readRecords(batch)) {
        const text = Buffer.from(value ?? []).toString("latin1", 0, 4);
        records.push(`${offset} ${Buffer.from(key ?? []).toString()} ${text}`);
      }
    }
    if (nextOffset >= highWatermark) return records;
    at = { case: "offset", value: nextOffset };
  }
}

function filesOf(own: OwnBroker, kind: "segment" | "image"): string[] {
  return readdirSync(join(own.directory, "log")).filter((name) => name.startsWith(`${kind}-`));
}

test("a broker that lost its materialized state has start offset and producers from image and log", async () => {
  await using own = await brokerWithSmallLog(port);
  await own.call(topicService.createTopic, {
    name: "cut",
    partitionCount: 1,
    configs: new Map([["retention.ms", "-1"]]),
  });
  const values = ["x".repeat(4000), "y".repeat(4000)];
  const producerId = 77;
  const produce = (baseSequence: number) =>
    own.call(produceService.produce, {
      topic: "cut",
      recordBatch: batchOf(values, { producerId, baseSequence }),
    });
  for (let batch = 0; batch < 200; batch++) await produce(batch * 2);
  await own.call(topicService.deleteRecords, {
    topic: "cut",
    offsets: [{ partition: 0, offset: 300 }],
  });
  await expect.poll(() => filesOf(own, "image").length).toBeGreaterThan(0);
  const before = await recordsOf(own.call, "cut");
  expect(before).toHaveLength(100);
  await own.again(() => rmSync(join(own.directory, "state"), { recursive: true }));
  await expect.poll(() => codeOf(recordsOf(own.call, "cut"))).toBe("no error");
  expect(await recordsOf(own.call, "cut")).toEqual(before);
  // The last batch again: its producer is known, although what it wrote first is gone.
  expect(await produce(398)).toMatchObject({ baseOffset: 398, duplicate: true });
  expect((await produce(400)).baseOffset).toBe(400);
});

test("a broker lets go what retention.bytes does not keep, and its files", async () => {
  await using own = await brokerWithSmallLog(port + 1);
  await own.call(topicService.createTopic, {
    name: "short",
    partitionCount: 1,
    configs: new Map([
      ["retention.ms", "-1"],
      ["retention.bytes", String(1024 * kibibyte)],
      ["segment.bytes", "1048576"],
    ]),
  });
  const recordBatch = batchOf(["z".repeat(30_000)]);
  for (let batch = 0; batch < 200; batch++) {
    await own.call(produceService.produce, { topic: "short", recordBatch });
  }
  const first = async (): Promise<number> =>
    Number.parseInt((await recordsOf(own.call, "short"))[0] ?? "0");
  await expect.poll(first, { timeout: 20_000 }).toBeGreaterThan(50);
  const records = await recordsOf(own.call, "short");
  expect(records.at(-1)).toMatch(/^199 /);
  expect(records.length * 30_000).toBeGreaterThan(1024 * kibibyte);
  await expect.poll(() => filesOf(own, "segment").length, { timeout: 20_000 }).toBeLessThan(5);
});

test("a broker keeps the newest record of each key of a compacted topic, also over a restart", async () => {
  await using own = await brokerWithSmallLog(port + 2);
  await own.call(topicService.createTopic, {
    name: "table",
    partitionCount: 1,
    configs: new Map([
      ["cleanup.policy", "compact"],
      ["segment.bytes", "1048576"],
      ["min.cleanable.dirty.ratio", "0.1"],
    ]),
  });
  const rounds = 300;
  for (let round = 0; round < rounds; round++) {
    const recordBatch = keyedBatch(
      ["a", "b", `c${round % 7}`].map((key) => [key, String(round).padEnd(5000, ".")] as const),
    );
    await own.call(produceService.produce, { topic: "table", recordBatch });
  }
  const count = async (): Promise<number> => (await recordsOf(own.call, "table")).length;
  await expect.poll(count, { timeout: 20_000 }).toBeLessThan(rounds);
  const newest = (records: readonly string[]): string[] => [
    ...new Map(records.map((record) => [record.split(" ")[1], record])).values(),
  ];
  const expected = newest(await recordsOf(own.call, "table"));
  expect(expected).toHaveLength(9);
  expect(expected).toContain(`${(rounds - 1) * 3} a 299.`);
  await own.again(() => undefined);
  await expect.poll(() => codeOf(recordsOf(own.call, "table"))).toBe("no error");
  expect(newest(await recordsOf(own.call, "table")).sort()).toEqual([...expected].sort());
});
