import { RecordBatchBuilder } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { encodeBareCommand } from "./command-entry.ts";
import { observedBatch } from "./observed-batch.ts";

test("observedBatch() tells where a batch ends and what it begins with, and nothing of other entries", () => {
  const builder = new RecordBatchBuilder();
  for (const value of ["first", "second"]) builder.append(1, undefined, Buffer.from(value));
  const entry = { index: 1, term: 1, type: "normal", data: builder.build() } as const;
  const batch = observedBatch(entry);
  expect(batch?.nextOffset).toBe(2);
  expect(Buffer.from(batch?.firstValue() ?? []).toString()).toBe("first");
  expect(observedBatch({ ...entry, data: encodeBareCommand(Buffer.from("x")) })).toBeUndefined();
  expect(observedBatch({ ...entry, type: "confChange" })).toBeUndefined();
});
