import { describe, expect, test } from "vitest";

import {
  type LineOptions,
  type LineRecord,
  produceLines,
  type RecordSink,
} from "./line-producer.ts";
import { LineSplitter } from "./line-splitter.ts";

/** A sink that keeps what it was offered and is full after every record. */
class FullSink implements RecordSink {
  readonly records: [key: string | undefined, value: string][] = [];
  waitingCount = 0;
  failure: Error | undefined;

  offer({ key, value }: LineRecord): Promise<void> {
    expect(this.waitingCount, "offered while full").toBe(0);
    this.records.push([key && Buffer.from(key).toString(), Buffer.from(value).toString()]);
    this.waitingCount += 1;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.waitingCount -= 1;
        resolve();
      });
    });
  }
}

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

const never = new AbortController().signal;

async function produce(
  input: AsyncIterable<Uint8Array>,
  sink: RecordSink,
  options: Partial<LineOptions> = {},
): Promise<{ recordCount: number; bytes: number }> {
  const counts = { recordCount: 0, bytes: 0 };
  const all = { keySeparator: undefined, stop: never, ...options };
  await produceLines(input, new LineSplitter(1000), sink, counts, all);
  return counts;
}

describe("produceLines()", () => {
  test("produceLines() offers every line, and waits while the sink is full", async () => {
    const sink = new FullSink();
    expect(await produce(chunks("a\nb", "c\n\nd"), sink)).toEqual({ recordCount: 4, bytes: 4 });
    expect(sink.records.map(([, value]) => value)).toEqual(["a", "bc", "", "d"]);
  });

  test("produceLines() cuts keys off", async () => {
    const sink = new FullSink();
    await produce(chunks("k:v\nw\n"), sink, { keySeparator: Buffer.from(":") });
    expect(sink.records).toEqual([
      ["k", "v"],
      [undefined, "w"],
    ]);
  });

  test("produceLines() stops after the line at hand, and leaves half a line out", async () => {
    const controller = new AbortController();
    const sink = new FullSink();
    async function* stopping(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("a\nb\nhal");
      controller.abort();
    }
    expect(await produce(stopping(), sink, { stop: controller.signal })).toEqual({
      recordCount: 2,
      bytes: 2,
    });
  });

  test("produceLines() reads no further once a record failed", async () => {
    const sink = new FullSink();
    sink.failure = new Error("refused");
    expect(await produce(chunks("a\nb\n", "c\n"), sink)).toEqual({ recordCount: 1, bytes: 1 });
  });
});
