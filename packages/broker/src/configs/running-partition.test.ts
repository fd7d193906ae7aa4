import { readdirSync } from "node:fs";
import { join } from "node:path";
import { configService, fetchService, produceService, topicService } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { batchOf, type OwnBroker, ownBroker } from "../../fakes/own-broker.ts";

/** Ports of one test file must not meet those of another. */
const port = 31_000 + (process.pid % 999);
const kibibyte = 1024;

/** A broker on which data moves to segments within moments, and that looks for old ones every five minutes. */
function brokerWithSmallLog(): Promise<OwnBroker> {
  return ownBroker(port, {
    limits: { tickMs: 5, checkpointMs: 50 },
    log: {
      journalBytesMax: 512 * kibibyte,
      fileBytesMax: 128 * kibibyte,
      fillAheadBytes: 64 * kibibyte,
      cacheBytesMax: 64 * kibibyte,
      destageBytesPerSecondMax: 0,
      compactionBytesPerSecondMax: 0,
      diskReserveBytes: 1,
    },
  });
}

test("a partition that runs closes and lets go its segments as its topic's configs are altered", async () => {
  await using own = await brokerWithSmallLog();
  const topic = "runs";
  await own.call(topicService.createTopic, { name: topic, partitionCount: 1 });
  const recordBatch = batchOf(["z".repeat(30_000)]);
  const produce = async (): Promise<void> => {
    for (let batch = 0; batch < 100; batch++) {
      await own.call(produceService.produce, { topic, recordBatch });
    }
  };
  const segmentCount = (): number => {
    const names = readdirSync(join(own.directory, "log"));
    return names.filter((name) => name.startsWith("segment-")).length;
  };
  const startOffset = async (): Promise<number> => {
    const at = { at: { case: "edge", value: "EARLIEST" } } as const;
    const { offsets } = await own.call(fetchService.listOffsets, { topic, at });
    return offsets[0]?.logStartOffset ?? -1;
  };
  const alter = async (
    resourceType: "TOPIC" | "BROKER" | "CLUSTER",
    resourceName: string,
    configs: Record<string, string>,
  ): Promise<void> => {
    const alterations = Object.entries(configs).map(([name, value]) => {
      return { name, value, operation: "SET" } as const;
    });
    await own.call(configService.alterConfigs, { resourceType, resourceName, alterations });
  };
  await produce();
  expect(segmentCount(), "all in the open one, of up to 256 MiB").toBeLessThanOrEqual(2);
  await alter("TOPIC", topic, { "segment.bytes": "1048576" });
  await produce();
  await expect.poll(segmentCount, { timeout: 20_000 }).toBeGreaterThan(2);
  await alter("TOPIC", topic, { "retention.bytes": String(1024 * kibibyte) });
  expect(await startOffset(), "nobody looks for minutes").toBe(0);
  await alter("BROKER", "1", { "log.retention.check.interval.ms": "50" });
  await expect.poll(startOffset, { timeout: 20_000 }).toBeGreaterThan(50);
});
