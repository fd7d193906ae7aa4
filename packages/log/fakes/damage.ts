import { inspectLog } from "../src/inspect/inspect-log.ts";
import { encodeFileHeader, fileHeaderBytes } from "../src/journal/file-header.ts";
import {
  decodeRecordHeader,
  recordBytes,
  recordHeaderBytes,
} from "../src/journal/journal-record.ts";
import { chunkBytes, chunkEnd, decodeChunkHeader } from "../src/segment/segment-chunk.ts";
import { segmentHeaderBytes } from "../src/segment/segment-header.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { directory } from "./store-harness.ts";

/** Bytes [start, end) of a file. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What of each file must not change unnoticed; a file that is not here holds nothing. */
export type CountingSpans = ReadonlyMap<string, readonly Span[]>;

/** One damage: files that are other ones now. */
export interface Damage {
  readonly what: string;
  readonly changed: ReadonlyMap<string, Uint8Array>;
}

const blockBytes = 4096;
const fixedHeaderBytes = 64;

/** Finds out what counts in a store that was closed and is sound. */
export async function countingSpans(disk: SimulatedDisk): Promise<CountingSpans> {
  const { files, segments } = await inspectLog({ disk, directory });
  const spans = new Map<string, readonly Span[]>();
  const written = files.filter(({ state }) => state === "written");
  for (const { name } of written) {
    const path = `${directory}/${name}`;
    const records = recordSpans(Buffer.from(disk.bytesOf(path)), Number(name.slice(8, 18)));
    spans.set(path, [{ start: 0, end: fixedHeaderBytes }, ...records]);
  }
  for (const { isSealed, name, sizeBytes } of segments) {
    const path = `${directory}/${name}`;
    const bytes = Buffer.from(disk.bytesOf(path));
    const chunks = chunkSpans(bytes, sizeBytes);
    const index = isSealed ? [{ start: sizeBytes, end: bytes.length }] : [];
    spans.set(path, [{ start: 0, end: segmentHeaderBytes }, ...chunks, ...index]);
  }
  for (const path of disk.paths()) {
    const bytes = Buffer.from(disk.bytesOf(path));
    if (path.includes("/image-")) spans.set(path, [{ start: 0, end: bytes.length }]);
    if (!path.includes("/checkpoint-")) continue;
    spans.set(path, [{ start: 0, end: fixedHeaderBytes + bytes.readUInt32BE(44) }]);
  }
  return spans;
}

/**
 * Whether the journal's last file is as if its last writes had been cut short: nothing sound is left behind the
 * damage. That is what a power cut leaves, too, so that nobody can tell one from the other.
 */
export function isLikeTorn(
  spans: CountingSpans,
  disk: SimulatedDisk,
  { changed }: Damage,
): boolean {
  const last =
    [...spans.keys()]
      .filter((path) => path.includes("/journal-"))
      .sort()
      .at(-1) ?? "";
  const after = changed.get(last);
  if (after === undefined) return false;
  const before = disk.bytesOf(last);
  const isIntact = (spans.get(last) ?? []).map(({ end, start }) => {
    return Buffer.compare(before.subarray(start, end), after.subarray(start, end)) === 0;
  });
  return isIntact.lastIndexOf(true) < isIntact.indexOf(false);
}

/** Whether anything changed that counts. */
export function isCounting(
  spans: CountingSpans,
  disk: SimulatedDisk,
  { changed }: Damage,
): boolean {
  for (const [path, after] of changed) {
    const before = disk.bytesOf(path);
    for (const { end, start } of spans.get(path) ?? []) {
      const [left, right] = [before.subarray(start, end), after.subarray(start, end)];
      if (Buffer.compare(left, right) !== 0) return true;
    }
  }
  return false;
}

function recordSpans(bytes: Buffer, sequence: number): Span[] {
  const { salt } = encodeFileHeader({ directoryId: new Uint8Array(16), sequence });
  const spans: Span[] = [];
  for (let at = fileHeaderBytes; ;) {
    const header = decodeRecordHeader(bytes, at, salt, at);
    if (header === undefined) return spans;
    spans.push({ start: at, end: at + recordHeaderBytes + header.bodyBytes });
    at += recordBytes(header.bodyBytes);
  }
}

function chunkSpans(bytes: Buffer, chunksEnd: number): Span[] {
  const salt = bytes.readUInt32BE(60);
  const spans: Span[] = [];
  for (let at = segmentHeaderBytes; at < chunksEnd;) {
    const header = decodeChunkHeader(bytes.subarray(at), salt, at);
    if (header === undefined) throw new Error(`no chunk at ${at}`);
    spans.push({ start: at, end: at + chunkBytes(header) });
    at = chunkEnd(header);
  }
  return spans;
}

type Damager = (disk: SimulatedDisk, path: string, random: SeededRandom) => Uint8Array;

function blockOf(bytes: Uint8Array, random: SeededRandom): number {
  return random.integer(Math.ceil(bytes.length / blockBytes)) * blockBytes;
}

/** Exchanges two parts of one file: [left, left + length) and [right, right + length). */
function exchanged(bytes: Uint8Array, left: Span, right: Span): Uint8Array {
  const length = Math.min(left.end - left.start, right.end - right.start);
  const after = Uint8Array.from(bytes);
  after.set(bytes.subarray(left.start, left.start + length), right.start);
  after.set(bytes.subarray(right.start, right.start + length), left.start);
  return after;
}

/** Every kind of damage to one file. `earlier` is the disk some time before; `spans` say where records and chunks are. */
function damagers(spans: CountingSpans, earlier: SimulatedDisk): Record<string, Damager> {
  return {
    flip: (disk, path, random) => {
      const bytes = disk.bytesOf(path);
      const within = spans.get(path) ?? [];
      const span = within[random.integer(within.length)];
      const isAnywhere = span === undefined || random.chance(30);
      const { end, start } = isAnywhere ? { start: 0, end: bytes.length } : span;
      const at = start + random.integer(end - start);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.integer(8));
      return bytes;
    },
    truncation: (disk, path, random) => {
      const bytes = disk.bytesOf(path);
      return bytes.subarray(0, random.integer(bytes.length));
    },
    zeros: (disk, path, random) => {
      const bytes = disk.bytesOf(path);
      const at = blockOf(bytes, random);
      return bytes.fill(0, at, at + blockBytes);
    },
    rollback: (disk, path, random) => {
      const bytes = disk.bytesOf(path);
      const at = blockOf(bytes, random);
      const before = earlier.paths().includes(path) ? earlier.bytesOf(path) : new Uint8Array(0);
      bytes.fill(0, at, at + blockBytes);
      bytes.set(before.subarray(at, Math.min(at + blockBytes, bytes.length)), at);
      return bytes;
    },
    swap: (disk, path, random) => {
      const bytes = disk.bytesOf(path);
      const pieces = spans.get(path) ?? [];
      const [left, right] = [0, 1].map(() => pieces[random.integer(pieces.length)]);
      if (left === undefined || right === undefined) return bytes;
      return exchanged(bytes, left, right);
    },
  };
}

function kindOf(path: string): string {
  return /\/([a-z]+)-/.exec(path)?.[1] ?? "";
}

/** A damage of a random kind to a file of a random kind. */
export function randomDamage(
  disk: SimulatedDisk,
  earlier: SimulatedDisk,
  spans: CountingSpans,
  random: SeededRandom,
): Damage {
  const kinds = ["journal", "segment", "image", "checkpoint"];
  const kind = kinds[random.integer(kinds.length)] ?? "";
  const paths = disk.paths().filter((path) => kindOf(path) === kind);
  const [path = "", other = ""] = [0, 1].map(() => paths[random.integer(paths.length)]);
  const all = Object.entries(damagers(spans, earlier));
  const [name, damage] = all[random.integer(all.length + 1)] ?? [];
  if (name === undefined || damage === undefined) {
    const changed = new Map([
      [path, disk.bytesOf(other)],
      [other, disk.bytesOf(path)],
    ]);
    return { what: `swap of ${path} and ${other}`, changed };
  }
  return { what: `${name} in ${path}`, changed: new Map([[path, damage(disk, path, random)]]) };
}
