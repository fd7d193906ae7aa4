import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { coverageMarks } from "./coverage-marks.ts";
import { markHits } from "./mark-hits.ts";

const packages = join(import.meta.dirname, "../../..");

describe("coverageMarks", () => {
  test.each(coverageMarks.map((mark) => [mark.name, mark] as const))(
    "%s: has a place of its own in the sources",
    (_name, mark) => {
      expect(markHits(mark, readFileSync(join(packages, mark.file), "utf8"), [])).toBe(0);
    },
  );
});

describe("markHits()", () => {
  const mark = { name: "rare", file: "broker/src/rare.ts", at: "rare();" };
  const source = "function f() { if (x) { rare(); } }";
  const url = "file:///w/packages/broker/src/rare.ts";

  test("takes the smallest stretch around the place", () => {
    const ranges = [
      { startOffset: 0, endOffset: source.length, count: 9 },
      { startOffset: 22, endOffset: 33, count: 2 },
    ];
    expect(markHits(mark, source, [{ url, functions: [{ ranges }] }])).toBe(2);
  });

  test("is 0 where the source was not run at all, and throws where the place is not there", () => {
    expect(markHits(mark, source, [])).toBe(0);
    expect(() => markHits(mark, "nothing", [])).toThrow(/no place of its own/);
    expect(() => markHits(mark, source + source, [])).toThrow(/no place of its own/);
  });
});
