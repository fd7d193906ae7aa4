import { compressionCodecs, RecordBatchBuilder } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { timestampFault } from "./timestamp-bounds.ts";

const nowMs = 1_000_000;

function batchOf(
  timestamps: readonly number[],
  codec: (typeof compressionCodecs)[number] = "none",
) {
  const builder = new RecordBatchBuilder();
  for (const timestampMs of timestamps) builder.append(timestampMs, undefined, Buffer.from("v"));
  return builder.build({ codec });
}

function faultOf(timestamps: readonly number[], beforeMsMax?: number, afterMsMax?: number) {
  return timestampFault("t-0", batchOf(timestamps), { beforeMsMax, afterMsMax }, nowMs)?.message;
}

describe("timestampFault()", () => {
  test.each([
    [[0, 9e9], undefined, undefined],
    [[nowMs - 100, nowMs + 100], 100, 100],
    [[nowMs - 100, 9e9], 100, undefined],
    [[0, nowMs + 100], undefined, 100],
    [[-1], 100, 100],
  ])("timestampFault() takes %j within %s before and %s after", (timestamps, before, after) => {
    expect(faultOf(timestamps, before, after)).toBeUndefined();
  });

  test.each([
    [
      [nowMs, nowMs - 101, nowMs],
      100,
      undefined,
      /record 1 .* timestamp 999899, .* none before 999900 now$/,
    ],
    [
      [nowMs, nowMs, nowMs + 101],
      undefined,
      100,
      /record 2 .* timestamp 1000101, .* none after 1000100 now$/,
    ],
    [[nowMs + 1], 0, 0, /record 0 .* timestamp 1000001, .* none after 1000000 now$/],
  ])(
    "timestampFault() refuses %j within %s before and %s after",
    (timestamps, before, after, text) => {
      expect(faultOf(timestamps, before, after)).toMatch(text);
    },
  );

  test.each(compressionCodecs)("timestampFault() looks into a %s batch", (codec) => {
    const batch = batchOf([nowMs, nowMs - 101, nowMs], codec);
    const fault = timestampFault("t-0", batch, { beforeMsMax: 100, afterMsMax: undefined }, nowMs);
    expect(fault).toMatchObject({ code: "INVALID_TIMESTAMP", outcome: "definite" });
  });
});
