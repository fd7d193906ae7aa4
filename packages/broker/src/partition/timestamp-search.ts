import type { GroupLog } from "@ropewalk/log";
import {
  batchMaxTimestamp,
  batchNextOffset,
  isBatchIntact,
  readRecords,
  RopewalkError,
} from "@ropewalk/protocol";

/** What a search reads at a time, once the first batch was not it. */
const searchBytesMax = 1024 * 1024;

/**
 * The offset of the first record in [startOffset, endOffset) whose timestamp is `timestampMs` or later;
 * `undefined` where there is none. The log may still hold what was deleted, and find it: then the search goes
 * on behind it, seldom far, for timestamps mostly grow with offsets. Rejects with CORRUPT_MESSAGE where a batch is not
 * what was written: nobody behind this looks at its checksum.
 */
export async function searchTimestamp(
  log: Pick<GroupLog, "findTimestamp" | "read">,
  timestampMs: number,
  startOffset: number,
  endOffset: number,
): Promise<number | undefined> {
  const found = await log.findTimestamp(timestampMs, endOffset);
  if (found === undefined) return undefined;
  let nextOffset = Math.max(found.batchBaseOffset, startOffset);
  let bytesMax = 1;
  while (nextOffset < endOffset) {
    const batches = await log.read(nextOffset, endOffset, bytesMax);
    for (const batch of batches) {
      const offset = firstRecord(batch, timestampMs, startOffset);
      if (offset !== undefined) return offset;
      nextOffset = batchNextOffset(batch);
    }
    if (batches.length === 0) return undefined;
    bytesMax = searchBytesMax;
  }
  return undefined;
}

function firstRecord(
  batch: Uint8Array,
  timestampMs: number,
  startOffset: number,
): number | undefined {
  if (batchMaxTimestamp(batch) < timestampMs) return undefined;
  if (!isBatchIntact(batch)) {
    const message = `Cannot look for timestamp ${timestampMs} in the batch before offset ${batchNextOffset(batch)}: its checksum is wrong`;
    throw new RopewalkError("CORRUPT_MESSAGE", message);
  }
  for (const record of readRecords(batch)) {
    if (record.timestampMs >= timestampMs && record.offset >= startOffset) return record.offset;
  }
  return undefined;
}
