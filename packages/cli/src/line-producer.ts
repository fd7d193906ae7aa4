import { splitKey } from "./key-separator.ts";
import type { LineSplitter } from "./line-splitter.ts";

/** A record that is made of a line. */
export interface LineRecord {
  readonly key: Uint8Array | undefined;
  readonly value: Uint8Array;
}

/** Takes records as fast as the cluster does. */
export interface RecordSink {
  /**
   * Takes a record, whose bytes are copied before the call returns. Answers `undefined`, or, when no
   * more should come for now, a promise of room.
   */
  offer(record: LineRecord): Promise<void> | undefined;
  /** Why a record was not acknowledged: set as soon as one was not. */
  readonly failure: Error | undefined;
}

/** What was read so far; progress is shown from it while reading goes on. */
export interface LineCounts {
  recordCount: number;
  /** Bytes of the lines, without their newlines. */
  bytes: number;
}

/** How lines become records. */
export interface LineOptions {
  /** What stands between key and value; `undefined`: a line is a value. */
  readonly keySeparator: Uint8Array | undefined;
  /** Ends the reading after the line at hand. */
  readonly stop: AbortSignal;
}

/**
 * Makes a record of every line of the input and offers it to the sink, waiting whenever the sink is
 * full. Ends with the input, with a failure of the sink, or when it is told to stop; then a line that
 * has no newline yet is left out, as its rest was not read.
 */
export async function produceLines(
  input: AsyncIterable<Uint8Array>,
  splitter: LineSplitter,
  sink: RecordSink,
  counts: LineCounts,
  options: LineOptions,
): Promise<void> {
  const isOver = (): boolean => options.stop.aborted || sink.failure !== undefined;
  const offer = (line: Uint8Array): Promise<void> | undefined => {
    counts.recordCount += 1;
    counts.bytes += line.length;
    const separator = options.keySeparator;
    return sink.offer(
      separator === undefined ? { key: undefined, value: line } : splitKey(line, separator),
    );
  };
  for await (const chunk of input) {
    splitter.push(chunk);
    for (let line = splitter.next(); line !== undefined; line = splitter.next()) {
      const room = offer(line);
      // Awaiting only where there is something to wait for keeps small records cheap.
      if (room !== undefined) await room;
      if (isOver()) return;
    }
  }
  const last = isOver() ? undefined : splitter.last();
  if (last !== undefined) await offer(last);
}
