import { crc32c } from "@ropewalk/protocol";
import type { EntryLocation } from "./entry-index.ts";
import type { JournalFile } from "./journal/journal-file.ts";
import { LogError } from "./log-error.ts";

/** Entries of other groups between two wanted ones are read along up to this size: cheaper than a second read. */
const skippedBytesMax = 64 * 1024;

/** How many reads of one request are under way at once. */
const readsAtOnceMax = 4;

/** Neighbouring entries that one read brings. */
interface Span {
  readonly sequence: number;
  readonly start: number;
  end: number;
  readonly locations: EntryLocation[];
  /** Where it goes, if not to memory of its own. */
  target?: Buffer;
}

/** Reads entries' data from the journal's files and verifies it. */
export class EntryReader {
  readonly #files: ReadonlyMap<number, JournalFile>;
  readonly #readBytesMax: number;

  constructor(files: ReadonlyMap<number, JournalFile>, readBytesMax: number) {
    this.#files = files;
    this.#readBytesMax = readBytesMax;
  }

  /**
   * The data at each location, in order. What comes from one read may share a buffer; it is `memory` for as much as
   * fits there. Rejects with DATA_DAMAGED or READ_FAILED.
   */
  async read(locations: readonly EntryLocation[], memory?: Buffer): Promise<Uint8Array[]> {
    const spans = this.#plan(locations);
    placeSpans(spans, memory);
    const data: Uint8Array[] = [];
    for (let at = 0; at < spans.length; at += readsAtOnceMax) {
      const reads = spans.slice(at, at + readsAtOnceMax).map((span) => this.#readSpan(span));
      // Also where one fails: nothing may be read into memory any more that its owner uses again.
      await Promise.allSettled(reads);
      for (const piece of await Promise.all(reads)) data.push(...piece);
    }
    return data;
  }

  #plan(locations: readonly EntryLocation[]): Span[] {
    const spans: Span[] = [];
    let span: Span | undefined;
    for (const location of locations) {
      const { sequence, dataPosition, dataBytes } = location;
      const end = dataPosition + dataBytes;
      if (span !== undefined && this.#joins(span, location)) {
        span.end = end;
        span.locations.push(location);
      } else {
        span = { sequence, start: dataPosition, end, locations: [location] };
        spans.push(span);
      }
    }
    return spans;
  }

  #joins(span: Span, { sequence, dataPosition, dataBytes }: EntryLocation): boolean {
    if (sequence !== span.sequence || dataPosition < span.end) return false;
    if (dataPosition - span.end > skippedBytesMax) return false;
    return dataPosition + dataBytes - span.start <= this.#readBytesMax;
  }

  async #readSpan(span: Span): Promise<Uint8Array[]> {
    const bytes = span.target ?? Buffer.allocUnsafeSlow(span.end - span.start);
    const bytesRead = await this.#readFile(span, bytes);
    let wantedBytes = 0;
    const data = span.locations.map((location) => {
      const at = location.dataPosition - span.start;
      const piece = bytes.subarray(at, at + location.dataBytes);
      const isWhole = at + location.dataBytes <= bytesRead;
      if (!isWhole || crc32c(piece) !== location.dataCrc) throw damaged(location);
      wantedBytes += piece.length;
      return piece;
    });
    // A few small pieces must not keep a large buffer alive, uncounted, for as long as they are cached.
    const isSparse = span.target === undefined && wantedBytes * 2 < bytes.length;
    return isSparse ? data.map((piece) => new Uint8Array(piece)) : data;
  }

  async #readFile(span: Span, target: Buffer): Promise<number> {
    const file = this.#files.get(span.sequence);
    const where = `[${span.start}, ${span.end}) of journal file ${span.sequence}`;
    if (file === undefined) throw new LogError("READ_FAILED", `Cannot read ${where}: it is gone`);
    try {
      return target.length === 0 ? 0 : await file.read(span.start, target);
    } catch (cause) {
      throw new LogError("READ_FAILED", `Cannot read ${where}: the disk failed`, cause);
    }
  }
}

function placeSpans(spans: readonly Span[], memory: Buffer | undefined): void {
  let used = 0;
  for (const span of spans) {
    const bytes = span.end - span.start;
    if (memory === undefined || used + bytes > memory.length) continue;
    span.target = memory.subarray(used, used + bytes);
    used += bytes;
  }
}

function damaged({ sequence, dataPosition, dataBytes }: EntryLocation): LogError {
  return new LogError(
    "DATA_DAMAGED",
    `The ${dataBytes} bytes at ${dataPosition} of journal file ${sequence} are not what was written`,
  );
}
