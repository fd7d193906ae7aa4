import { describe, expect, test } from "vitest";
import { checkTopicConfigs, topicConfig } from "./topic-config.ts";

const dayMs = 86_400_000;

function check(configs: Record<string, string>): void {
  checkTopicConfigs("orders", new Map(Object.entries(configs)));
}

function parse(configs: Record<string, string>, internal = false) {
  return topicConfig({ internal, configs: new Map(Object.entries(configs)) }, 1000);
}

describe("checkTopicConfigs()", () => {
  test.each([
    { "cleanup.policy": "compact" },
    { "cleanup.policy": "delete,compact", "retention.ms": "-1", "retention.bytes": "0" },
    { "segment.bytes": "1048576", "segment.ms": "1", "delete.retention.ms": "0" },
    { "min.compaction.lag.ms": "5", "max.compaction.lag.ms": "5" },
    { "min.cleanable.dirty.ratio": "0.25", "compression.type": "producer" },
    { "min.cleanable.dirty.ratio": "1" },
  ])("takes %j", (configs) => {
    expect(() => check(configs)).not.toThrow();
  });

  test.each([
    ["cleanup.policy", "", "must be delete or compact or"],
    ["cleanup.policy", "keep", "must be delete or compact or"],
    ["retention.ms", "-2", "must be an integer from -1 to"],
    ["retention.ms", "7d", "must be an integer from -1 to"],
    ["retention.bytes", "9223372036854775807", "must be an integer from -1 to"],
    ["segment.bytes", "1048575", "must be an integer from 1048576 to 2147483647"],
    ["segment.ms", "0", "must be an integer from 1 to"],
    ["max.compaction.lag.ms", "0", "must be an integer from 1 to"],
    ["min.cleanable.dirty.ratio", "1.5", "must be a number from 0 to 1"],
    ["min.cleanable.dirty.ratio", ".5", "must be a number from 0 to 1"],
    ["compression.type", "zstd", "must be producer"],
    ["message.timestamp.type", "LogAppendTime", "must be CreateTime"],
    ["file.delete.delay.ms", "60000", "is not supported: a file goes as soon as nobody reads it"],
    ["min.insync.replicas", "2", "is not supported: acks=all always means a majority"],
    ["no.such", "1", "is not supported (max.message.bytes, "],
  ])("refuses %s=%s with the reason", (name, value, reason) => {
    expect(() => check({ [name]: value })).toThrow(
      expect.objectContaining({
        code: "INVALID_CONFIG",
        message: expect.stringContaining(
          `Cannot create topic orders with ${name}=${value}: ${name} ${reason}`,
        ),
      }),
    );
  });

  test("refuses a least compaction lag above the greatest", () => {
    const lags = { "min.compaction.lag.ms": "6", "max.compaction.lag.ms": "5" };
    expect(() => check(lags)).toThrow(/min.compaction.lag.ms must not be above .*=5/);
  });
});

describe("topicConfig()", () => {
  test("has Kafka's defaults, but smaller segments and the broker's own largest batch", () => {
    expect(parse({})).toEqual({
      batchBytesMax: 1000,
      cleanup: { delete: true, compact: false },
      retentionMs: 7 * dayMs,
      retentionBytes: undefined,
      segmentBytesMax: 268_435_456,
      segmentMs: 7 * dayMs,
      deleteRetentionMs: dayMs,
      compactionLagMsMin: 0,
      compactionLagMsMax: undefined,
      dirtyRatioMin: 0.5,
    });
  });

  test("reads both policies in either order, and -1 as no end", () => {
    const both = { delete: true, compact: true };
    expect(parse({ "cleanup.policy": "compact,delete" }).cleanup).toEqual(both);
    expect(parse({ "cleanup.policy": "delete,compact" }).cleanup).toEqual(both);
    expect(parse({ "retention.ms": "-1" }).retentionMs).toBeUndefined();
    expect(parse({ "retention.bytes": "5" }).retentionBytes).toBe(5);
  });

  test("keeps everything of an internal topic", () => {
    const { cleanup } = parse({ "cleanup.policy": "compact" }, true);
    expect(cleanup).toEqual({ delete: false, compact: false });
  });
});
