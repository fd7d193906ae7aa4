import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";

import { ByteOutput } from "./byte-output.ts";
import { OutputClosedError } from "./stream-write.ts";

/** A stream that keeps what was written, and how many writes it took. */
function collectingStream(): { stream: Writable; chunks: Buffer[] } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      setImmediate(done);
    },
  });
  return { stream, chunks };
}

describe("ByteOutput", () => {
  test("ByteOutput.flush() writes what was appended, in order, in one write", async () => {
    const { stream, chunks } = collectingStream();
    const output = new ByteOutput(stream);
    output.append(Buffer.of(0xff, 0x00));
    output.appendText("é");
    output.appendNewline();
    await output.flush();
    await output.flush();
    expect(chunks).toEqual([Buffer.of(0xff, 0x00, 0xc3, 0xa9, 0x0a)]);
  });

  test("ByteOutput.append() takes pieces larger than its buffer", async () => {
    const { stream, chunks } = collectingStream();
    const output = new ByteOutput(stream);
    const large = Buffer.alloc(1_500_000, "x");
    output.append(Buffer.from("a"));
    output.append(large);
    expect(output.isFull).toBe(true);
    await output.flush();
    expect(output.isFull).toBe(false);
    output.append(Buffer.from("b"));
    await output.flush();
    // Not toEqual: it takes half a second for a buffer of this size.
    const expected = Buffer.concat([Buffer.from("a"), large, Buffer.from("b")]);
    expect(Buffer.concat(chunks).equals(expected)).toBe(true);
  });

  test("ByteOutput.append() is refused while a flush goes on", async () => {
    const output = new ByteOutput(collectingStream().stream);
    output.appendText("a");
    const flushed = output.flush();
    expect(() => output.appendText("b")).toThrow("while a flush");
    await flushed;
  });

  test("ByteOutput.flush() rejects with OutputClosedError once the reader went away", async () => {
    const stream = new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
      },
    });
    const output = new ByteOutput(stream);
    output.appendText("a");
    await expect(output.flush()).rejects.toThrow(OutputClosedError);
    await expect(output.flush()).rejects.toThrow(OutputClosedError);
  });

  test("ByteOutput.flush() rejects with a failure that says why where the output cannot be written", async () => {
    const stream = new Writable({
      write(_chunk, _encoding, done) {
        done(
          Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" }),
        );
      },
    });
    const output = new ByteOutput(stream);
    output.appendText("a");
    await expect(output.flush()).rejects.toThrow("cannot write the output: ENOSPC");
    await expect(output.flush()).rejects.toThrow("cannot write the output: ENOSPC");
  });
});
