import { RecordCursor, RopewalkError } from "@ropewalk/protocol";

/**
 * Whether every record of the batch has a key, as those of a compacted topic must. It decompresses the batch
 * and goes through its records, which no other topic pays for. Answers the error to refuse it with;
 * `undefined`: it may be appended.
 */
export function keylessFault(name: string, batch: Uint8Array): RopewalkError | undefined {
  const cursor = new RecordCursor();
  try {
    cursor.open(batch);
    for (let row = 0; cursor.next(); row += 1) {
      if (cursor.key !== undefined) continue;
      return new RopewalkError(
        "INVALID_RECORD",
        `Cannot append to ${name}: record ${row} of the batch has no key, and the topic is compacted by key`,
      );
    }
    return undefined;
  } catch (error) {
    // What cannot be read could never be compacted.
    if (error instanceof RopewalkError) return error;
    throw error;
  }
}
