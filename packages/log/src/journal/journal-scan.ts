import { crc32c } from "@ropewalk/protocol";
import { type BatchCoverage, batchCoverage } from "../batch-coverage.ts";
import {
  decodeRecordHeader,
  decodeTable,
  recordAlignment,
  recordBytes,
  type RecordHeader,
  recordHeaderBytes,
  recordMagic,
  tableRowBytes,
  type TableRow,
} from "./journal-record.ts";
import { nonZeroEnd, type ScanWindow } from "./scan-window.ts";

const magicBytes = Buffer.alloc(4);
magicBytes.writeUInt32BE(recordMagic);

/** An entry whose data was read and hashed to what its table says. */
export interface ScannedEntry extends TableRow {
  readonly coverage: BatchCoverage | undefined;
}

/** What is wrong with a record's body. */
export interface BodyFault {
  /** The entry concerned; `undefined` when it is all of them. */
  readonly index: number | undefined;
  readonly what: string;
}

/**
 * What lies in a file, in order. A "record" has a valid header; its entries are `undefined` when
 * table or data are not what was written. A "gap" is what follows a record and is no header, up to the
 * next header or the end of the file; at a sound end of the log it is all zeros up to the end.
 */
export type ScanEvent =
  | {
      readonly kind: "record";
      readonly header: RecordHeader;
      readonly entries: readonly ScannedEntry[] | undefined;
      /** Set where there are no entries: what is wrong with the body. */
      readonly bodyFault: BodyFault | undefined;
    }
  | {
      readonly kind: "gap";
      readonly position: number;
      readonly end: number;
      /** After the last byte of the gap that is not zero; `position` when all are. */
      readonly nonZeroEnd: number;
    };

/** Reads a file from `start`. With `verify: false` the bodies are skipped and reported as empty. */
export async function* scanJournalFile(
  window: ScanWindow,
  salt: number,
  start: number,
  verify: boolean,
): AsyncGenerator<ScanEvent, void, undefined> {
  let position = start;
  while (position < window.sizeBytes) {
    const bytes = await window.bytesAt(position, recordHeaderBytes);
    const header = decodeRecordHeader(bytes, 0, salt, position);
    if (header === undefined) {
      const end = await nextHeader(window, salt, position);
      yield { kind: "gap", position, end, nonZeroEnd: await nonZeroEnd(window, position, end) };
      position = end;
    } else {
      if (verify) yield await scanBody(window, header);
      else yield { kind: "record", header, entries: [], bodyFault: undefined };
      position += recordBytes(header.bodyBytes);
    }
  }
}

async function scanBody(window: ScanWindow, header: RecordHeader): Promise<ScanEvent> {
  const faulty = (what: string, index?: number): ScanEvent => {
    return { kind: "record", header, entries: undefined, bodyFault: { index, what } };
  };
  const tableBytes = header.entryCount * tableRowBytes;
  const tablePosition = header.position + recordHeaderBytes;
  if (tableBytes > header.bodyBytes) return faulty("the table is longer than the body");
  if (tablePosition + header.bodyBytes > window.sizeBytes) return faulty("the file ends inside it");
  const rows = decodeTable(header, await window.bytesAt(tablePosition, tableBytes));
  if (rows === undefined) return faulty("the table is not what was written");
  const entries: ScannedEntry[] = [];
  for (const row of rows) {
    const data = await window.bytesAt(row.dataPosition, row.dataBytes);
    if (data.length !== row.dataBytes || crc32c(data) !== row.dataCrc) {
      return faulty("the data is not what was written", header.firstIndex + entries.length);
    }
    entries.push({ ...row, coverage: batchCoverage(row.type, data) });
  }
  return { kind: "record", header, entries, bodyFault: undefined };
}

/** The position of the first valid header after `position`, or the end of the file. */
async function nextHeader(window: ScanWindow, salt: number, position: number): Promise<number> {
  let at = position + recordAlignment;
  while (at < window.sizeBytes) {
    const bytes = await window.someAt(at, recordHeaderBytes);
    const found = findHeader(bytes, salt, at);
    if (found !== undefined) return at + found;
    if (at + bytes.length >= window.sizeBytes) break;
    // A header may begin in the last bytes of this piece and end in the next.
    at += Math.max(recordAlignment, alignDown(bytes.length - recordHeaderBytes));
  }
  return window.sizeBytes;
}

function findHeader(bytes: Buffer, salt: number, position: number): number | undefined {
  let from = bytes.indexOf(magicBytes);
  while (from !== -1) {
    const aligned = (position + from) % recordAlignment === 0;
    if (aligned && decodeRecordHeader(bytes, from, salt, position + from) !== undefined)
      return from;
    from = bytes.indexOf(magicBytes, from + 1);
  }
  return undefined;
}

function alignDown(bytes: number): number {
  return bytes - (bytes % recordAlignment);
}
