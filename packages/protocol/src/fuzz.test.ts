import { expect, test } from "vitest";

import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { decompress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import { clusterService } from "./generated/cluster-service.ts";
import { fetchService } from "./generated/fetch-service.ts";
import { healthService } from "./generated/grpc-health-v1-health.ts";
import { produceService } from "./generated/produce-service.ts";
import { RecordBatchBuilder, type RecordHeader } from "./record-batch-builder.ts";
import { batchHeaderBytes, compressionCodecs, patchBatch } from "./record-batch-header.ts";
import { type BatchRecord, isBatchIntact, readRecords } from "./record-cursor.ts";
import { RopewalkError } from "./ropewalk-error.ts";
import { splitBatches } from "./split-batches.ts";
import { validateBatch } from "./validate-batch.ts";

/*
 * Random inputs from a seed: what is written is read back, and bytes that nobody wrote lead to a
 * `RopewalkError` or to a result, never to anything else. `FUZZ_SEED=… npx vitest …` replays a run.
 */

const seedBase = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const decompressedBytesMax = 1 << 20;

/** Numbers below a bound, all the same for the same seed. */
type Random = (bound: number) => number;

function randomFrom(seed: number): Random {
  let state = seed | 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

/** Runs `body` with one seed after another; a failure names the seed that leads to it at once. */
function forSeeds(count: number, body: (random: Random) => void): void {
  for (let run = 0; run < count; run++) {
    const seed = seedBase + run;
    try {
      body(randomFrom(seed));
    } catch (error) {
      throw new Error(`failed with FUZZ_SEED=${seed}`, { cause: error });
    }
  }
}

function randomBytes(random: Random, lengthMax: number): Buffer {
  const bytes = Buffer.alloc(random(lengthMax + 1));
  for (let at = 0; at < bytes.length; at++) bytes[at] = random(4) === 0 ? random(256) : 97;
  return bytes;
}

function maybeBytes(random: Random, lengthMax: number): Buffer | undefined {
  return random(4) === 0 ? undefined : randomBytes(random, lengthMax);
}

function randomRecord(random: Random): Omit<BatchRecord, "offset"> {
  const headers: RecordHeader[] = [];
  while (random(3) === 0)
    headers.push({ name: `h${random(1000)}é`, value: maybeBytes(random, 50) });
  const timestampMs = random(20) === 0 ? random(2 ** 31) * 1024 : 1_700_000_000_000 + random(1000);
  const [key, value] = [maybeBytes(random, 20), maybeBytes(random, 300)];
  return { timestampMs, key, value, headers };
}

function randomBatch(random: Random): { batch: Buffer; records: Omit<BatchRecord, "offset">[] } {
  const builder = new RecordBatchBuilder(random(2) === 0 ? 1 : 4096);
  const records = Array.from({ length: 1 + random(30) }, () => randomRecord(random));
  for (const { timestampMs, key, value, headers } of records)
    builder.append(timestampMs, key, value, headers);
  const codec = compressionCodecs[random(compressionCodecs.length)] ?? "none";
  return { batch: Buffer.from(builder.build({ codec })), records };
}

/** Some bytes changed, cut off, or put in. */
function damaged(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let count = 1 + random(4); count > 0 && copy.length > 0; count--) {
    copy[random(copy.length)] = random(3) === 0 ? 0xff : random(256);
  }
  if (random(4) === 0) return copy.subarray(0, random(copy.length + 1));
  if (random(4) === 0) return Buffer.concat([copy, randomBytes(random, 20)]);
  return copy;
}

/** Runs what may fail with a `RopewalkError` and with nothing else. */
function expectTyped(body: () => unknown): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof RopewalkError)) throw error;
  }
}

test("a random batch is read back as it was written", () => {
  forSeeds(300, (random) => {
    const { batch, records } = randomBatch(random);
    const baseOffset = random(2 ** 31) * 1000;
    patchBatch(batch, 0, baseOffset, random(1000));
    expect(isBatchIntact(batch)).toBe(true);
    expect(validateBatch(batch, { batchBytesMax: batch.length })).toBeUndefined();
    const expected = records.map((record, index) => ({ ...record, offset: baseOffset + index }));
    expect([...readRecords(batch)].map(comparable)).toEqual(expected.map(comparable));
  });
});

function comparable(record: BatchRecord): unknown {
  const hex = (bytes: Uint8Array | undefined): string =>
    bytes === undefined ? "none" : Buffer.from(bytes).toString("hex");
  const { offset, timestampMs } = record;
  const headers = record.headers.map(({ name, value }) => [name, hex(value)]);
  return [offset, timestampMs, hex(record.key), hex(record.value), headers];
}

test("validateBatch() finds a damaged batch or an undamaged one, whatever the bytes", () => {
  forSeeds(2000, (random) => {
    const { batch } = randomBatch(random);
    const bytes = damaged(random, batch);
    const fault = validateBatch(bytes, { batchBytesMax: 100_000 });
    // Only the fields before the checksum's range can have changed unseen.
    if (fault === undefined) expect(bytes.subarray(16)).toEqual(batch.subarray(16));
  });
});

test("readRecords() fails with a RopewalkError at worst, even where the checksum is right", () => {
  forSeeds(3000, (random) => {
    const bytes = damaged(random, randomBatch(random).batch);
    if (bytes.length >= batchHeaderBytes) {
      bytes.writeInt32BE(bytes.length - 12, 8);
      bytes.writeUInt8(2, 16);
      bytes.writeUInt32BE(crc32c(bytes, 21), 17);
    }
    expectTyped(() => [...readRecords(bytes, { decompressedBytesMax })]);
    expectTyped(() => splitBatches(bytes));
  });
});

test("decompress() fails with a RopewalkError at worst, and stays below its bound", () => {
  forSeeds(1000, (random) => {
    const { batch } = randomBatch(random);
    const bytes =
      random(2) === 0
        ? damaged(random, batch.subarray(batchHeaderBytes))
        : randomBytes(random, 200);
    for (const codec of ["gzip", "snappy", "lz4", "zstd"] as const) {
      expectTyped(() => {
        expect(decompress(codec, bytes, decompressedBytesMax).length).toBeLessThanOrEqual(
          decompressedBytesMax,
        );
      });
    }
  });
});

test("decoders of messages fail with a RopewalkError at worst", () => {
  const topics = [
    { name: "t", configs: new Map([["a", "b"]]), partitions: [{ replicaIds: [1, 2, 3] }] },
  ];
  const partition = { case: "subscribe", value: { topic: "topic", partition: -1 } } as const;
  const batches = { case: "batches", value: { recordBatches: Buffer.alloc(40) } } as const;
  const encoded = [
    produceService.produce.requestSerialize({
      topic: "t",
      records: [{ headers: [{ name: "n" }] }],
    }),
    clusterService.getMetadata.responseSerialize({ brokers: [{ host: "h", alive: true }], topics }),
    fetchService.fetchStream.requestSerialize({ message: partition }),
    fetchService.fetchStream.responseSerialize({ message: batches }),
    healthService.list.responseSerialize({
      statuses: new Map([["service", { status: "SERVING" }]]),
    }),
  ].map((serialized) => {
    const bytes = Buffer.alloc(serialized.length);
    serialized.copy(bytes);
    return bytes;
  });
  const decoders = [
    produceService.produce.requestDeserialize,
    clusterService.getMetadata.responseDeserialize,
    fetchService.fetchStream.requestDeserialize,
    fetchService.fetchStream.responseDeserialize,
    healthService.list.responseDeserialize,
  ];
  forSeeds(3000, (random) => {
    const bytes = damaged(random, encoded[random(encoded.length)] ?? Buffer.alloc(0));
    for (const decode of decoders) expectTyped(() => decode(bytes));
  });
});

test("ByteReader gives back random values, and fails with a RopewalkError at worst", () => {
  forSeeds(500, (random) => {
    const writer = new ByteWriter(random(64));
    const values = Array.from(
      { length: random(40) },
      () => (random(2) ? 1 : -1) * random(2 ** 31) * random(2 ** 22),
    );
    for (const value of values) writer.int64(value).uvarint(Math.abs(value)).string(`${value}`);
    const reader = new ByteReader(writer.finish());
    for (const value of values) {
      expect([reader.int64(), reader.uvarint(), reader.string()]).toEqual([
        value,
        Math.abs(value),
        `${value}`,
      ]);
    }
    reader.expectEnd();
    const bytes = randomBytes(random, 30);
    for (const read of ["int64", "uvarint", "string", "bytes", "bool"] as const) {
      expectTyped(() => new ByteReader(bytes)[read]());
    }
  });
});
