/** What an entry carries: the application's data, or a membership change in its old or current form. */
export type EntryType = "normal" | "confChange" | "confChangeV2";

/** One position of the replicated log. */
export interface Entry {
  /** Position in the log, from 1. */
  readonly index: number;
  /** Term of the leader that appended it. */
  readonly term: number;
  readonly type: EntryType;
  /** Held by reference and never copied or changed. Empty for the entry that opens a term. */
  readonly data: Uint8Array;
}

/** Names one entry for ever: no two different entries share both numbers. */
export interface EntryId {
  readonly index: number;
  readonly term: number;
}

/**
 * What an entry costs besides its data when a limit in bytes is applied, so that empty entries are
 * not free and no page of the log is unbounded in count.
 */
export const ENTRY_OVERHEAD_BYTES = 16;

/** The data of an entry that carries none. */
export const NO_DATA: Uint8Array = new Uint8Array(0);

/** The shared empty list of entries. */
export const NO_ENTRIES: readonly Entry[] = [];

/** Size of one entry as limits count it. */
export function entryBytes(entry: Entry): number {
  return entry.data.byteLength + ENTRY_OVERHEAD_BYTES;
}

/** Size of `entries` as limits count it. */
export function entriesBytes(entries: readonly Entry[]): number {
  return payloadBytes(entries) + entries.length * ENTRY_OVERHEAD_BYTES;
}

/** Bytes of application data in `entries`, without overhead. */
export function payloadBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (let position = 0; position < entries.length; position++) {
    bytes += (entries[position] as Entry).data.byteLength;
  }
  return bytes;
}

/**
 * How many of `entries` fit into `bytesMax`: always at least one, so that an entry larger than the
 * whole limit cannot block the log.
 */
function countWithin(entries: readonly Entry[], bytesMax: number): number {
  let bytes = 0;
  for (let count = 0; count < entries.length; count++) {
    bytes += entryBytes(entries[count] as Entry);
    if (bytes > bytesMax && count > 0) return count;
  }
  return entries.length;
}

/** The leading part of `entries` that fits into `bytesMax`; the same array when all of it does. */
export function limitEntries(entries: readonly Entry[], bytesMax: number): readonly Entry[] {
  const count = countWithin(entries, bytesMax);
  return count === entries.length ? entries : entries.slice(0, count);
}
