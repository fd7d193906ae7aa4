import type { GroupKey, LogEntry } from "../src/log-entry.ts";
import { ReadMemory } from "../src/read-memory.ts";
import { type ChunkEntry, chunkEntryOf } from "../src/segment/segment-chunk.ts";
import { type SegmentInfo, segmentFileName } from "../src/segment/segment-info.ts";
import { SegmentReader, type SegmentReaderLimits } from "../src/segment/segment-reader.ts";
import { type NewSegment, SegmentWriter } from "../src/segment/segment-writer.ts";
import type { VerifiedLately } from "../src/segment/verified-lately.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { directory } from "./store-harness.ts";

/** Bounds of a reader that keeps everything. */
export const roomyLimits: SegmentReaderLimits = {
  openFilesMax: 8,
  chunkCacheBytesMax: 1024 * 1024,
  indexCacheBytesMax: 1024 * 1024,
};

/** An entry as a segment takes it. */
export function chunkEntry(entry: LogEntry): ChunkEntry {
  return chunkEntryOf(entry);
}

/** A reader of the test's directory. */
export function segmentReader(
  disk: SimulatedDisk,
  limits: SegmentReaderLimits = roomyLimits,
  memory: ReadMemory = new ReadMemory(),
  verified?: VerifiedLately,
): SegmentReader {
  return new SegmentReader(disk, directory, limits, memory, verified);
}

/** Where a segment of the test's directory lies. */
export function segmentPath(key: GroupKey, fileId: number): string {
  return `${directory}/${segmentFileName(key, fileId)}`;
}

/** Writes a segment with these chunks; `lastIndexes` say where a chunk ends that has gaps. */
export async function writeSegment(
  disk: SimulatedDisk,
  key: GroupKey,
  segment: NewSegment,
  chunks: readonly (readonly LogEntry[])[],
  seal: "sealed" | "open",
): Promise<SegmentInfo> {
  const file = disk.compose(segmentPath(key, segment.fileId), "new");
  const writer = SegmentWriter.create(key, file, segment);
  for (const entries of chunks) {
    await writer.append(entries.map(chunkEntry), entries.at(-1)?.index ?? 0);
  }
  if (seal === "sealed") await writer.seal();
  await writer.finish();
  return writer.info;
}
