import type { ByteOutput } from "./byte-output.ts";

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
};

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "0": "\0",
  "\\": "\\",
};

/** What a template may contain, for help and for errors. */
export const TEMPLATE_FIELDS: string =
  "%t topic, %p partition, %o offset, %T timestamp in ms, %k key, %v or %s value, %h headers, " +
  "%K and %S bytes of key and value (-1: none), %% a percent sign; \\n \\t \\r \\0 \\\\ \\xHH";

/**
 * Compiles a printf-like template in the manner of kcat and rpk. Nothing is added to it: where a
 * newline is wanted, it says `\n`. Answers the fault of a template that cannot be read.
 */
export function parseTemplate(template: string): { print: RecordPrinter } | { fault: string } {
  const steps: RecordPrinter[] = [];
  const tokens = /%(.?)|\\x([0-9a-fA-F]{2})|\\(.?)|[^%\\]+/gsu;
  for (const [token, field, hex, escape] of template.matchAll(tokens)) {
    const step = compileToken(token, field, hex, escape);
    if (step === undefined) {
      return { fault: token.length === 1 ? `it ends in a lone ${token}` : `${token} is not known` };
    }
    steps.push(step);
  }
  return {
    print: (record, output) => {
      for (const step of steps) step(record, output);
    },
  };
}

function compileToken(
  token: string,
  field: string | undefined,
  hex: string | undefined,
  escape: string | undefined,
): RecordPrinter | undefined {
  if (field !== undefined) return field === "%" ? literal(Buffer.from("%")) : own(FIELDS, field);
  if (hex !== undefined) return literal(Buffer.from(hex, "hex"));
  if (escape === undefined) return literal(Buffer.from(token));
  const text = own(ESCAPES, escape);
  return text === undefined ? undefined : literal(Buffer.from(text));
}

function own<Value>(table: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function literal(bytes: Uint8Array): RecordPrinter {
  return (_record, output) => output.append(bytes);
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
