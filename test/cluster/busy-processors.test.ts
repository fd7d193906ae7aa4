import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { metricOf } from "./metric-of.ts";
import { NumberedStream } from "./numbered-stream.ts";
import { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { Spinners } from "./spinners.ts";

/** ROPEWALK_TEST_BUSY_SECONDS=600 is what the product promises; a short time already shows gross faults. */
const busySeconds = Number(process.env["ROPEWALK_TEST_BUSY_SECONDS"] ?? 15);
const partitionCount = 30;
const settleMs = 3000;
const msPerSecond = 1000;

async function electionsOf(cluster: ProcessCluster): Promise<number[]> {
  const name = "ropewalk_elections_started_total";
  return Promise.all(cluster.brokerIds.map((id) => metricOf(cluster, id, name)));
}

test(
  "brokers under load elect nobody while every processor is busy at 90 %",
  { timeout: (busySeconds + 120) * msPerSecond },
  async () => {
    await using cluster = await ProcessCluster.start(3);
    const { bootstrapServers } = cluster;
    const args = ["topic", "create", "busy", "-p", String(partitionCount), "-r", "3"];
    expect(await ropewalk(args, { bootstrapServers })).toMatchObject({ status: 0 });
    await using stream = new NumberedStream(bootstrapServers, "busy", partitionCount);
    const running = stream.run();
    running.catch(() => undefined); // It is awaited below.
    try {
      await delay(settleMs); // Elections of the start are over.
      const before = await electionsOf(cluster);
      using spinners = new Spinners();
      await delay(busySeconds * msPerSecond); // The load lasts as long as the test says.
      expect(spinners.allRun).toBe(true);
      expect(await electionsOf(cluster)).toEqual(before);
    } finally {
      stream.stop();
    }
    await running;
  },
);
