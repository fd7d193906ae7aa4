import { describe, expect, test } from "vitest";
import { checkTopicConfigs, topicConfig } from "./topic-config.ts";

const dayMs = 86_400_000;

function check(configs: Record<string, string>): void {
  const traits = { replicationFactor: 3, batchBytesMax: 1000 };
  checkTopicConfigs("create topic orders", new Map(Object.entries(configs)), traits);
}

function parse(
  configs: Record<string, string>,
  internal = false,
  cluster: Record<string, string> = {},
) {
  const topic = { internal, configs: new Map(Object.entries(configs)) };
  return topicConfig(topic, 1000, new Map(Object.entries(cluster)));
}

describe("checkTopicConfigs()", () => {
  test.each([
    { "cleanup.policy": "compact" },
    { "cleanup.policy": "delete,compact", "retention.ms": "-1", "retention.bytes": "0" },
    { "segment.bytes": "1048576", "segment.ms": "1", "delete.retention.ms": "0" },
    { "min.compaction.lag.ms": "5", "max.compaction.lag.ms": "5" },
    { "min.cleanable.dirty.ratio": "0.25", "compression.type": "producer" },
    { "min.cleanable.dirty.ratio": "1" },
    { "message.timestamp.type": "LogAppendTime" },
    { "min.insync.replicas": "2", "unclean.leader.election.enable": "false" },
    { "flush.messages": "1", "flush.ms": "0", preallocate: "false" },
  ])("takes %j", (configs) => {
    expect(() => check(configs)).not.toThrow();
  });

  test.each([
    ["cleanup.policy", "", "must be a list with one or more of delete, compact"],
    ["cleanup.policy", "keep", "must be a list with one or more of delete, compact"],
    ["cleanup.policy", "delete,delete", "must be a list with one or more of delete, compact"],
    ["retention.ms", "-2", "must be an integer from -1 to"],
    ["retention.ms", "7d", "must be an integer from -1 to"],
    ["retention.bytes", "9223372036854775807", "must be an integer from -1 to"],
    ["segment.bytes", "1048575", "must be an integer from 1048576 to 2147483647"],
    ["segment.ms", "0", "must be an integer from 1 to"],
    ["max.compaction.lag.ms", "0", "must be an integer from 1 to"],
    ["min.cleanable.dirty.ratio", "1.5", "must be a number from 0 to 1"],
    ["min.cleanable.dirty.ratio", ".5", "must be a number from 0 to 1"],
    ["compression.type", "zstd", "must be producer"],
    ["message.timestamp.type", "Now", "must be CreateTime or LogAppendTime"],
    ["file.delete.delay.ms", "60000", "is not supported: a file goes as soon as nobody reads it"],
    ["min.insync.replicas", "3", "must be an integer from 1 to 2"],
    ["unclean.leader.election.enable", "true", "must be false"],
    ["flush.messages", "100", "must be 1"],
    ["remote.storage.enable", "true", "must be false"],
    ["segment.jitter.ms", "1", "is not supported: segments are closed when something is added"],
    ["message.timestamp.difference.max.ms", "1", "is not supported: Kafka 4 has removed it"],
    ["no.such", "1", "is not supported (cleanup.policy, "],
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

  test("says in the error what was refused, and what is possible", () => {
    const invalidConfig = {
      name: "retention.ms",
      value: "-2",
      validValues: "an integer from -1 to 999999999999999",
    };
    expect(() => check({ "retention.ms": "-2" })).toThrow(
      expect.objectContaining({ invalidConfig }),
    );
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
      isAppendTime: false,
      timestampBounds: undefined,
    });
  });

  test("takes the topic's own before the cluster's, and the cluster's before what is built in", () => {
    const cluster = { "log.retention.ms": "5", "message.max.bytes": "2048" };
    const config = parse({ "retention.ms": "7" }, false, cluster);
    expect(config).toMatchObject({
      retentionMs: 7,
      batchBytesMax: 2048,
      retentionBytes: undefined,
    });
    expect(parse({}, false, cluster).retentionMs).toBe(5);
  });

  test("reads both policies in either order, and -1 as no end", () => {
    const both = { delete: true, compact: true };
    expect(parse({ "cleanup.policy": "compact,delete" }).cleanup).toEqual(both);
    expect(parse({ "cleanup.policy": "delete,compact" }).cleanup).toEqual(both);
    expect(parse({ "retention.ms": "-1" }).retentionMs).toBeUndefined();
    expect(parse({ "retention.bytes": "5" }).retentionBytes).toBe(5);
  });

  test("bounds timestamps where a record's own is kept, and there is a bound", () => {
    const before = { "message.timestamp.before.max.ms": "5" };
    const bounds = { beforeMsMax: 5, afterMsMax: undefined };
    expect(parse(before).timestampBounds).toEqual(bounds);
    const stamped = { ...before, "message.timestamp.type": "LogAppendTime" };
    expect(parse(stamped)).toMatchObject({ isAppendTime: true, timestampBounds: undefined });
  });

  test("keeps everything of an internal topic", () => {
    const { cleanup } = parse({ "cleanup.policy": "compact" }, true);
    expect(cleanup).toEqual({ delete: false, compact: false });
  });
});
