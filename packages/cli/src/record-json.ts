import { isUtf8 } from "node:buffer";

import type { PrintableRecord, RecordPrinter } from "./consume-format.ts";

/** Bytes in JSON: text where they are UTF-8, base64 in an object where they are not, null where there are none. */
type JsonBytes = string | { readonly base64: string } | null;

/** Shows bytes so that nothing is lost: the three forms can be told apart, and turned back. */
function jsonBytes(bytes: Uint8Array | undefined): JsonBytes {
  if (bytes === undefined) return null;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(view) ? view.toString("utf8") : { base64: view.toString("base64") };
}

/** One JSON object: what `consume --format json` prints on a line. Headers are a list, as names may repeat. */
function recordJson(record: PrintableRecord): string {
  return JSON.stringify({
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestampMs,
    key: jsonBytes(record.key),
    value: jsonBytes(record.value),
    headers: record.headers.map(({ name, value }) => ({ name, value: jsonBytes(value) })),
  });
}

/** Prints a record as JSON, one a line. */
export const printJsonLine: RecordPrinter = (record, output) => {
  output.appendText(recordJson(record));
  output.appendNewline();
};
