import { batchCrc, batchCrcStart, crc32c, crc32cCombine } from "@ropewalk/protocol";
import { batchCoverage } from "./batch-coverage.ts";
import type { LogEntry } from "./log-entry.ts";

/** Below this the checksum of all bytes costs as little (see `crc32c-combine.bench.ts`). */
const derivedBytesMin = 1024;

/**
 * The CRC-32C of an entry's data. That of a large record batch is derived from the one that its producer gave it and from
 * the few bytes before: the batch is not read once more, and bytes that change in memory after they were validated do
 * not match what is stored. It must therefore be a batch that was validated.
 */
export function entryCrc({ data, type }: Pick<LogEntry, "data" | "type">): number {
  if (data.length < derivedBytesMin || batchCoverage(type, data) === undefined) return crc32c(data);
  const before = crc32c(data, 0, batchCrcStart);
  return crc32cCombine(before, batchCrc(data), data.length - batchCrcStart);
}
