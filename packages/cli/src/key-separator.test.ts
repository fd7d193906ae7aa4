import { expect, test } from "vitest";

import { splitKey } from "./key-separator.ts";

test("splitKey() cuts at the first separator, and only there", () => {
  const split = (line: string): (string | undefined)[] => {
    const { key, value } = splitKey(Buffer.from(line), Buffer.from("::"));
    return [key && Buffer.from(key).toString(), Buffer.from(value).toString()];
  };
  expect(split("k::v::w")).toEqual(["k", "v::w"]);
  expect(split("::v")).toEqual(["", "v"]);
  expect(split("k::")).toEqual(["k", ""]);
  expect(split("k:v")).toEqual([undefined, "k:v"]);
});
