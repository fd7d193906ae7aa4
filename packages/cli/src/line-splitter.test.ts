import { describe, expect, test } from "vitest";

import { LineSplitter, LineTooLongError } from "./line-splitter.ts";

/** All lines of the chunks, as latin-1 text so that every byte shows. */
function split(chunks: readonly Uint8Array[], lineBytesMax = 1 << 20): string[] {
  const splitter = new LineSplitter(lineBytesMax);
  const lines: string[] = [];
  for (const chunk of chunks) {
    splitter.push(chunk);
    for (let line = splitter.next(); line !== undefined; line = splitter.next())
      lines.push(latin1(line));
  }
  const last = splitter.last();
  if (last !== undefined) lines.push(latin1(last));
  expect(splitter.lineCount).toBe(lines.length);
  return lines;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

/** Integers in [0, bound), the same ones for the same seed (xorshift32). */
function seededRandom(seed: number): (bound: number) => number {
  let state = (seed | 1) >>> 0;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

describe("LineSplitter", () => {
  test.each([
    ["nothing", "", []],
    ["one line", "a\n", ["a"]],
    ["a missing last newline", "a\nb", ["a", "b"]],
    ["empty lines", "\n\na\n\n", ["", "", "a", ""]],
    ["a carriage return", "a\r\n\rb\r", ["a\r", "\rb\r"]],
    ["bytes that are no text", "\0\xff\n\xc3\x28\n", ["\0\xff", "\xc3\x28"]],
  ])("LineSplitter.next() keeps %s", (_what, input, lines) => {
    expect(split([Buffer.from(input, "latin1")])).toEqual(lines);
  });

  test("LineSplitter.next() answers views of the chunk, not copies", () => {
    const chunk = Buffer.from("abc\ndef\n");
    const splitter = new LineSplitter(8);
    splitter.push(chunk);
    expect(splitter.next()?.buffer).toBe(chunk.buffer);
  });

  test("LineSplitter.next() refuses a line past its bound, and names it", () => {
    expect(split([Buffer.from("abcd\nab"), Buffer.from("cd\n")], 4)).toEqual(["abcd", "abcd"]);
    expect(() => split([Buffer.from("a\nabcde\n")], 4)).toThrow(new LineTooLongError(2, 4));
    expect(() => split([Buffer.from("abc"), Buffer.from("de")], 4)).toThrow(LineTooLongError);
  });

  test("LineSplitter.push() refuses a chunk while the last one has lines left", () => {
    const splitter = new LineSplitter(8);
    splitter.push(Buffer.from("a\nb\n"));
    expect(splitter.next()).toBeDefined();
    expect(() => splitter.push(Buffer.from("c"))).toThrow("used up");
  });

  test("LineSplitter answers the same lines however the bytes are cut into chunks", () => {
    const firstSeed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    for (let seed = firstSeed; seed < firstSeed + 200; seed += 1) {
      const random = seededRandom(seed);
      const input = Buffer.alloc(random(2000));
      // A third of the bytes are newlines or carriage returns, so that every edge is met often.
      for (let i = 0; i < input.length; i += 1)
        input[i] = [0x0a, 0x0d, random(256)][random(3)] ?? 0;
      const chunks: Uint8Array[] = [];
      for (let start = 0; start < input.length;) {
        const end = start + random(random(4) === 0 ? 400 : 5);
        chunks.push(input.subarray(start, end));
        start = Math.min(end, input.length);
      }
      const expected = input.toString("latin1").split("\n");
      if (expected.at(-1) === "") expected.pop();
      expect(split(chunks), `SEED=${seed}`).toEqual(expected);
    }
  });
});
