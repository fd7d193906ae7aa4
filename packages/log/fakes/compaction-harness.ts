import {
  type BatchOptions,
  crc32c,
  patchBatch,
  readRecords,
  RecordBatchBuilder,
} from "@ropewalk/protocol";
import { type IsAborted, DirtySection } from "../src/compaction/dirty-section.ts";
import { KeyMap } from "../src/compaction/key-map.ts";
import { SeededRandom } from "./seeded-random.ts";

/** A record as a test writes it down; the value `undefined` is a tombstone. */
export interface SampleRecord {
  readonly key: string | undefined;
  readonly value: string | undefined;
  readonly timestampMs?: number;
}

/** A record as it was read. */
export interface ReadRecord extends SampleRecord {
  readonly offset: number;
  readonly timestampMs: number;
}

/** What a test says about a batch of a log. */
export interface SampleBatch extends BatchOptions {
  readonly baseOffset: number;
  readonly records: readonly SampleRecord[];
}

/** A stored batch in the term 5. */
export function storedBatch({ baseOffset, records, ...options }: SampleBatch): Buffer {
  const builder = new RecordBatchBuilder();
  for (const { key, value, timestampMs = 1000 } of records) {
    builder.append(timestampMs, bytesOf(key), bytesOf(value), [{ name: "h", value: undefined }]);
  }
  const batch = Buffer.from(builder.build(options));
  patchBatch(batch, 0, baseOffset, 5);
  return batch;
}

/** What ends a transaction: type 0 aborts, 1 commits. */
export function storedMarker(baseOffset: number, producerId: number, type: 0 | 1): Buffer {
  const builder = new RecordBatchBuilder();
  builder.append(1000, Buffer.of(0, 0, 0, type), Buffer.alloc(6));
  const producer = { producerId, producerEpoch: 0, isTransactional: true };
  const batch = Buffer.from(builder.build({ ...producer, isControl: true }));
  patchBatch(batch, 0, baseOffset, 5);
  return batch;
}

/** Changes a batch and makes its checksum right again. */
export function changedBatch(batch: Buffer, change: (batch: Buffer) => void): Buffer {
  const changed = Buffer.from(batch);
  change(changed);
  changed.writeUInt32BE(crc32c(changed, 21), 17);
  return changed;
}

/** All records of some batches. */
export function recordsIn(batches: readonly (Uint8Array | undefined)[]): ReadRecord[] {
  return batches
    .filter((batch) => batch !== undefined)
    .flatMap((batch) => [...readRecords(batch)])
    .map(({ offset, key, value, timestampMs }) => ({
      offset,
      key: textOf(key),
      value: textOf(value),
      timestampMs,
    }));
}

/** A section that has taken in `batches` as far as they fit. */
export function sectionOf(
  batches: readonly Uint8Array[],
  startOffset: number = 0,
  isAborted: IsAborted = () => false,
  keyCountMax: number = 1000,
): DirtySection {
  const bounds = { bytesMax: 1 << 20, keyCountMax };
  const keyMap = new KeyMap(new SeededRandom(1), bounds);
  const section = new DirtySection({ keyMap, startOffset, isAborted });
  for (const batch of batches) if (!section.add(batch)) break;
  return section;
}

function bytesOf(text: string | undefined): Buffer | undefined {
  return text === undefined ? undefined : Buffer.from(text);
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
}
