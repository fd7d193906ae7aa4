import { expect, test } from "vitest";

import { parseEscapes } from "./escape-sequence.ts";

test("parseEscapes() answers bytes", () => {
  expect(parseEscapes("a\\t\\x00\\\\é").value).toEqual(Buffer.from("a\t\0\\é"));
  expect(parseEscapes("\\q")).toEqual({ fault: "\\q is not known" });
});
