import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";

import { ByteOutput } from "./byte-output.ts";
import {
  parseTemplate,
  printValueLine,
  type PrintableRecord,
  type RecordPrinter,
} from "./consume-format.ts";
import { printJsonLine } from "./record-json.ts";

const record: PrintableRecord = {
  topic: "orders",
  partition: 2,
  offset: 41,
  timestampMs: 1_700_000_000_000,
  key: Buffer.from("k"),
  value: Buffer.from([0xff, 0x00, 0x0a]),
  headers: [
    { name: "a", value: Buffer.from("1") },
    { name: "b", value: undefined },
  ],
};

async function print(printer: RecordPrinter, printed: PrintableRecord): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  const output = new ByteOutput(stream);
  printer(printed, output);
  await output.flush();
  return Buffer.concat(chunks);
}

async function printWith(template: string, printed: PrintableRecord): Promise<string> {
  const parsed = parseTemplate(template);
  if (parsed.fault !== undefined) throw new Error(parsed.fault);
  return (await print(parsed.value, printed)).toString("latin1");
}

describe("parseTemplate()", () => {
  test.each([
    ["%t/%p@%o\\n", "orders/2@41\n"],
    ["%T", "1700000000000"],
    ["%k=%v", "k=\xff\0\n"],
    ["%s|%S|%K", "\xff\0\n|3|1"],
    ["%h", "a=1,b"],
    ["100%%\\t\\r\\0\\\\\\x41", "100%\t\r\0\\A"],
    ["", ""],
    ["plain é", Buffer.from("plain é").toString("latin1")],
  ])("parseTemplate() prints %j", async (template, expected) => {
    expect(await printWith(template, record)).toBe(expected);
  });

  test("parseTemplate() prints nothing for a missing key or value, and -1 for its size", async () => {
    expect(
      await printWith("[%k|%v|%K|%S|%h]", {
        ...record,
        key: undefined,
        value: undefined,
        headers: [],
      }),
    ).toBe("[||-1|-1|]");
  });

  test.each([
    ["%q", "%q is not known"],
    ["%constructor", "%c is not known"],
    ["\\x4", "\\x is not known"],
    ["a%", "it ends in a lone %"],
    ["a\\", "it ends in a lone \\"],
  ])("parseTemplate() refuses %j", (template, fault) => {
    expect(parseTemplate(template)).toEqual({ fault });
  });
});

test("printValueLine() prints the bytes of the value and a newline", async () => {
  expect(await print(printValueLine, record)).toEqual(Buffer.from([0xff, 0x00, 0x0a, 0x0a]));
  expect(await print(printValueLine, { ...record, value: undefined })).toEqual(Buffer.from("\n"));
});

test("printJsonLine() tells text, bytes, empty and missing apart", async () => {
  const line = await print(printJsonLine, { ...record, key: undefined });
  expect(line.toString()).toBe(
    '{"topic":"orders","partition":2,"offset":41,"timestamp":1700000000000,"key":null,' +
      '"value":{"base64":"/wAK"},"headers":[{"name":"a","value":"1"},{"name":"b","value":null}]}\n',
  );
  const empty = JSON.parse(
    (await print(printJsonLine, { ...record, value: Buffer.alloc(0) })).toString(),
  ) as object;
  expect(empty).toMatchObject({ value: "" });
});
