import { RecordBatchBuilder } from "@ropewalk/protocol";
import type { LogEntry } from "@ropewalk/log";
import { describe, expect, test } from "vitest";
import {
  bareCommandOf,
  commandOf,
  encodeBareCommand,
  encodeCommandBatch,
  isIntact,
  isRecordBatch,
} from "./command-entry.ts";

const entry = (data: Uint8Array, type: LogEntry["type"] = "normal"): LogEntry => ({
  index: 1,
  term: 1,
  type,
  data,
});

describe("encodeBareCommand()", () => {
  test("makes no record batch of any command, also of one that looks like a batch", () => {
    const builder = new RecordBatchBuilder();
    builder.append(1, undefined, Buffer.alloc(100));
    const commands = [Buffer.alloc(0), Buffer.alloc(44), Buffer.alloc(500, 2), builder.build()];
    for (const command of commands) {
      const bare = entry(encodeBareCommand(command));
      expect(isRecordBatch(bare)).toBe(false);
      expect(commandOf(bare)).toBeUndefined();
      expect(Buffer.from(bareCommandOf(bare) ?? []).equals(command)).toBe(true);
      expect(isIntact(bare)).toBe(true);
    }
  });

  test("lets isIntact() see every flipped bit", () => {
    const data = encodeBareCommand(Buffer.from("advance"));
    for (let bit = 0; bit < data.length * 8; bit += 1) {
      const damaged = Uint8Array.from(data);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect([bit, isIntact(entry(damaged))]).toEqual([bit, false]);
    }
  });
});

test("bareCommandOf() finds none in a batch, an election's entry and a membership change", () => {
  const batch = encodeCommandBatch(Buffer.from("command"), 1);
  expect(bareCommandOf(entry(batch))).toBeUndefined();
  expect(bareCommandOf(entry(new Uint8Array()))).toBeUndefined();
  const change = encodeBareCommand(Buffer.from("x"));
  expect(bareCommandOf(entry(change, "confChangeV2"))).toBeUndefined();
});
