import process from "node:process";
import { crc32 } from "node:zlib";
import type { GroupLog, HardState, LogEntry } from "@ropewalk/log";

/** The pipe for reports: one that nobody else uses, so that every write to it waits until it is taken. */
export const reportDescriptor = 3;

/** What a writer is told to do in one life. */
export interface WriterTask {
  readonly directory: string;
  readonly seed: number;
  /** The number of the last write of the lives before. */
  readonly lastWrite: number;
  /** Group ids from here on were never given. */
  readonly nextGroupId: number;
  /** Bounds of the store in this life: small, so that files are rolled, filled and removed all the time. */
  readonly fileBytesMax: number;
  readonly flushBytesMax: number;
  /** After this many appends it closes the store and ends; otherwise it goes on until it dies. */
  readonly appendsMax?: number;
  /** Answers every sync without doing it: a check that does not notice is worth nothing. */
  readonly isLying: boolean;
}

/** What one entry is: `term type bytes CRC-32`. Equal strings, equal entries. */
export type EntryPrint = string;

export function printOf({ data, term, type }: LogEntry): EntryPrint {
  return `${term} ${type} ${data.length} ${crc32(data).toString(16)}`;
}

export function nameOf({ key }: GroupLog): string {
  return `${key.groupId}.${key.incarnation}`;
}

/** One group as it was read back, every entry from disk. */
export interface GroupContent {
  readonly name: string;
  readonly hardState: HardState;
  /** What is before was cut. */
  readonly firstIndex: number;
  readonly endOffset: number;
  /** From index 1 on. */
  readonly entries: readonly EntryPrint[];
  readonly quarantined?: string | undefined;
}

/** One step that is atomic: a write of one group, or its deletion. */
export type Step =
  | {
      readonly kind: "write";
      readonly write: number;
      readonly group: string;
      readonly hardState: HardState | undefined;
      readonly firstIndex: number;
      readonly entries: readonly EntryPrint[];
      readonly endOffset: number;
    }
  | { readonly kind: "delete"; readonly write: number; readonly group: string };

/** The machine's monotonic clock, the same in every process. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1_000_000;
}

/** What a writer says, a line of JSON each, in the order in which it happens. */
export type WriterReport =
  | { readonly kind: "opening" }
  | { readonly kind: "recovered"; readonly groups: readonly GroupContent[] }
  /** Said before the store is called. */
  | { readonly kind: "intends"; readonly steps: readonly Step[] }
  /** Said after the store's promise resolved: everything up to this write is durable. */
  | { readonly kind: "acknowledged"; readonly write: number; readonly atMs: number }
  | { readonly kind: "logged"; readonly message: string; readonly fields: unknown }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "closed" };
