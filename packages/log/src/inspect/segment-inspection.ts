import type { Disk } from "@ropewalk/runtime";
import type { GroupState } from "../group-state.ts";
import { imageFileName, readImage } from "../image/image-file.ts";
import { LogError } from "../log-error.ts";
import { segmentHeaderBytes } from "../segment/segment-header.ts";
import { type SegmentInfo, segmentFileName } from "../segment/segment-info.ts";
import { SegmentReader } from "../segment/segment-reader.ts";
import type { LogFault, SegmentInspection } from "./log-inspection.ts";

const limits = { openFilesMax: 2, chunkCacheBytesMax: 1, indexCacheBytesMax: 1024 * 1024 };

/** Reads every chunk of every segment, and every image, and says what is damaged. */
export async function inspectSegments(
  disk: Disk,
  directory: string,
  states: readonly GroupState[],
): Promise<{ readonly segments: SegmentInspection[]; readonly faults: LogFault[] }> {
  const reader = new SegmentReader(disk, directory, limits);
  const segments: SegmentInspection[] = [];
  const faults: LogFault[] = [];
  try {
    for (const state of states) {
      for (const info of state.segments) {
        segments.push(describe(state, info));
        faults.push(...(await segmentFaults(reader, state, info)));
      }
      faults.push(...(await imageFaults(disk, directory, state)));
    }
  } finally {
    await reader.close();
  }
  return { segments, faults };
}

function describe({ key, name }: GroupState, info: SegmentInfo): SegmentInspection {
  const { baseOffset, chunkCount, chunksEnd, endOffset, fileId } = info;
  const { firstIndex, isCompacted, isSealed, lastIndex } = info;
  return {
    name: segmentFileName(key, fileId),
    group: name,
    firstIndex,
    lastIndex,
    baseOffset,
    endOffset,
    chunkCount,
    sizeBytes: chunksEnd,
    isSealed,
    isCompacted,
  };
}

async function segmentFaults(
  reader: SegmentReader,
  { key, name: group }: GroupState,
  info: SegmentInfo,
): Promise<LogFault[]> {
  const file = segmentFileName(key, info.fileId);
  const faults: LogFault[] = [];
  const check = async (
    position: number,
    endPosition: number,
    index: number | undefined,
    read: () => Promise<unknown>,
  ): Promise<void> => {
    try {
      await read();
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      const what = error.reason === "DATA_DAMAGED" ? "is not what was written" : error.message;
      faults.push({ file, position, endPosition, group, index, what });
    }
  };
  await check(0, segmentHeaderBytes, undefined, () => reader.checkHeader(key, info));
  await check(segmentHeaderBytes, info.chunksEnd, info.firstIndex, async () => {
    const rows = await reader.rows(key, info);
    if (rows.length !== info.chunkCount) {
      throw new LogError("DATA_DAMAGED", `${rows.length} chunks of ${info.chunkCount}`);
    }
    for (const row of rows) {
      const { bytes, firstIndex, position } = row;
      const target = Buffer.allocUnsafe(bytes);
      await check(position, position + bytes, firstIndex, () =>
        reader.readChunk(key, info, row, target),
      );
    }
  });
  if (info.isSealed) {
    await check(info.chunksEnd, info.chunksEnd, undefined, () => reader.checkIndex(key, info));
  }
  return faults;
}

async function imageFaults(
  disk: Disk,
  directory: string,
  { image, key, name: group }: GroupState,
): Promise<LogFault[]> {
  if (image === undefined) return [];
  const file = imageFileName(key, image.fileId);
  try {
    await readImage(disk, disk.join(directory, file), key, image.index);
    return [];
  } catch {
    const what = "the image is not what was written";
    return [{ file, position: 0, endPosition: 0, group, index: image.index, what }];
  }
}
