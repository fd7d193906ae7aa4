import { expect, test } from "vitest";
import { expectIdentical, expectNothingLeft, partitionsOf, run, topic } from "./moving-replicas.ts";
import { NumberedStream } from "./numbered-stream.ts";
import { ProcessCluster } from "./process-cluster.ts";
import { waitFor } from "./wait-for.ts";

const deadlineMs = 60_000;
const partitionCount = 8;

test("a broker that joins under load gets its share by itself, and one that joins where that is off gets none", async () => {
  await using cluster = await ProcessCluster.prepare(5, "smallLog", 3);
  for (const id of [1, 2, 3]) cluster.spawn(id);
  await cluster.ready();
  const doors = cluster.addressesOf([1, 2, 3]);
  const alter = (value: string): Promise<string> =>
    run(doors, "config", "alter", "--broker-defaults", "--set", value);
  const args = ["-p", String(partitionCount), "-r", "3", "-c", "segment.ms=100"];
  await run(doors, "topic", "create", topic, ...args);
  await alter("partition.autobalancing.delay.ms=1000");
  await alter("partition.autobalancing.concurrent.moves=2");
  await using stream = new NumberedStream(doors, topic, partitionCount);
  const running = stream.run();
  cluster.spawn(4);
  await cluster.ready();
  const heldBy = async (id: number): Promise<number> =>
    (await partitionsOf(cluster)).filter(({ replicaIds }) => replicaIds.includes(id)).length;
  await waitFor("broker 4 has its share", deadlineMs, async () => (await heldBy(4)) === 6);
  await waitFor("that is settled", deadlineMs, () =>
    [1, 2, 3, 4].some((id) => cluster.log(id).includes("have their share")),
  );
  await alter("partition.autobalancing.mode=off");
  cluster.spawn(5);
  await cluster.ready();
  const acknowledged = stream.acknowledgedCount;
  await waitFor("there is more", deadlineMs, () => stream.acknowledgedCount > acknowledged + 2000);
  expect(await heldBy(5)).toBe(0);
  stream.stop();
  await running;
  await stream.expectWhole(doors);
  await expectIdentical(cluster, stream.recordCount);
  await expectNothingLeft(cluster);
});
