import { RecordCursor, RopewalkError } from "@ropewalk/protocol";

/** How far the timestamps of records may lie from the time at which they are appended, in milliseconds (KIP-937). */
export interface TimestampBounds {
  /** `message.timestamp.before.max.ms`; `undefined`: without end. */
  readonly beforeMsMax: number | undefined;
  /** `message.timestamp.after.max.ms`; `undefined`: without end. */
  readonly afterMsMax: number | undefined;
}

const noTimestamp = -1;

/**
 * Whether the timestamp of every record lies within the bounds; a record may have none. It decompresses the batch
 * and goes through its records, which topics without bounds do not pay for. Answers the error to refuse it with;
 * `undefined`: it may be appended.
 */
export function timestampFault(
  name: string,
  batch: Uint8Array,
  { afterMsMax, beforeMsMax }: TimestampBounds,
  nowMs: number,
): RopewalkError | undefined {
  const earliestMs = nowMs - (beforeMsMax ?? Number.POSITIVE_INFINITY);
  const latestMs = nowMs + (afterMsMax ?? Number.POSITIVE_INFINITY);
  const cursor = new RecordCursor();
  try {
    cursor.open(batch);
    for (let row = 0; cursor.next(); row += 1) {
      const { timestampMs } = cursor;
      if (timestampMs === noTimestamp) continue;
      if (timestampMs < earliestMs) return refusal(name, row, timestampMs, `before ${earliestMs}`);
      if (timestampMs > latestMs) return refusal(name, row, timestampMs, `after ${latestMs}`);
    }
    return undefined;
  } catch (error) {
    if (error instanceof RopewalkError) return error;
    throw error;
  }
}

function refusal(name: string, row: number, timestampMs: number, none: string): RopewalkError {
  return new RopewalkError(
    "INVALID_TIMESTAMP",
    `Cannot append to ${name}: record ${row} of the batch has the timestamp ${timestampMs}, and the topic takes none ${none} now`,
  );
}
