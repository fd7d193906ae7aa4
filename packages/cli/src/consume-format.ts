import type { Parsed } from "./parsed.ts";
import type { ByteOutput } from "./byte-output.ts";
import { parseEscapes } from "./escape-sequence.ts";

/** What is printed of a record. `key` and `value` may be missing, which is not the same as empty. */
export interface PrintableRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Uint8Array | undefined;
  readonly value: Uint8Array | undefined;
  readonly headers: readonly { readonly name: string; readonly value: Uint8Array | undefined }[];
}

/** Prints one record. */
export type RecordPrinter = (record: PrintableRecord, output: ByteOutput) => void;

/** The value and a newline: what `consume` prints unless told otherwise. A missing value is an empty line. */
export const printValueLine: RecordPrinter = (record, output) => {
  if (record.value !== undefined) output.append(record.value);
  output.appendNewline();
};

const FIELDS: Readonly<Record<string, RecordPrinter>> = {
  t: (record, output) => output.appendText(record.topic),
  p: (record, output) => output.appendText(String(record.partition)),
  o: (record, output) => output.appendText(String(record.offset)),
  T: (record, output) => output.appendText(String(record.timestampMs)),
  k: (record, output) => record.key !== undefined && output.append(record.key),
  v: (record, output) => record.value !== undefined && output.append(record.value),
  s: (record, output) => record.value !== undefined && output.append(record.value),
  K: (record, output) => output.appendText(String(record.key?.length ?? -1)),
  S: (record, output) => output.appendText(String(record.value?.length ?? -1)),
  h: printHeaders,
  "%": (_record, output) => output.appendText("%"),
};

/** What a template may contain, for help and for errors. */
export const TEMPLATE_FIELDS: string =
  "%t topic, %p partition, %o offset, %T timestamp in ms, %k key, %v or %s value, %h headers, " +
  "%K and %S bytes of key and value (-1: none), %% a percent sign; \\n \\t \\r \\0 \\\\ \\xHH";

/**
 * Compiles a printf-like template in the manner of kcat and rpk. Nothing is added to it: where a
 * newline is wanted, it says `\n`. Answers the fault of a template that cannot be read.
 */
export function parseTemplate(template: string): Parsed<RecordPrinter> {
  const steps: RecordPrinter[] = [];
  for (const [token, field] of template.matchAll(/%(.?)|[^%]+/gsu)) {
    const step = field === undefined ? compileLiteral(token) : compileField(field);
    if (step.fault !== undefined) return step;
    steps.push(step.value);
  }
  return {
    value: (record, output) => {
      for (const step of steps) step(record, output);
    },
  };
}

function compileLiteral(text: string): Parsed<RecordPrinter> {
  const literal = parseEscapes(text);
  if (literal.fault !== undefined) return literal;
  const bytes = literal.value;
  return { value: (_record, output) => output.append(bytes) };
}

function compileField(field: string): Parsed<RecordPrinter> {
  const print = Object.hasOwn(FIELDS, field) ? FIELDS[field] : undefined;
  if (print !== undefined) return { value: print };
  return { fault: field === "" ? "it ends in a lone %" : `%${field} is not known` };
}

/** `name=value,name=value`; a header without value shows its name alone. */
function printHeaders(record: PrintableRecord, output: ByteOutput): void {
  for (const [position, header] of record.headers.entries()) {
    output.appendText(position === 0 ? header.name : `,${header.name}`);
    if (header.value === undefined) continue;
    output.appendText("=");
    output.append(header.value);
  }
}
