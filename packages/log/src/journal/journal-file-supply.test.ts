import { DiskError } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import { JournalFileSupply } from "./journal-file-supply.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import { directory, silentLogger, smallConfig } from "../../fakes/store-harness.ts";

const directoryId = new Uint8Array(16);

function supplyOf(disk: SimulatedDisk): JournalFileSupply {
  const config = smallConfig;
  return new JournalFileSupply({ disk, directory, directoryId, logger: silentLogger, config });
}

function newDisk(): SimulatedDisk {
  return new SimulatedDisk(new SeededRandom(1));
}

async function waitUntil(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !condition(); turn++) await Promise.resolve();
  expect(condition()).toBe(true);
}

test("JournalFileSupply.take() gives the prepared file, filled with zeros", async () => {
  const disk = newDisk();
  const supply = supplyOf(disk);
  supply.prepare(2);
  supply.prepare(2);
  await waitUntil(() => {
    const path = disk.paths()[0];
    return (
      path?.endsWith(".log") === true && disk.bytesOf(path).length === smallConfig.fileBytesMax
    );
  });
  const file = await supply.take(2);
  expect(file.sequence).toBe(2);
  expect(disk.counts.get("create")).toBe(1);
  await supply.close();
});

test("JournalFileSupply.take() creates a file when none is prepared, or preparing failed", async () => {
  const disk = newDisk();
  const supply = supplyOf(disk);
  expect((await supply.take(1)).sequence).toBe(1);
  disk.failNext("create", new DiskError("FULL", "no space left"));
  supply.prepare(2);
  expect((await supply.take(2)).sequence).toBe(2);
  await supply.close();
});

test("JournalFileSupply.take() replaces a prepared file that could not be filled", async () => {
  const disk = newDisk();
  const supply = supplyOf(disk);
  supply.prepare(1);
  await waitUntil(() => disk.paths()[0]?.endsWith(".log") === true);
  disk.failNext("write", new DiskError("FULL", "no space left"));
  const writes = disk.counts.get("write") ?? 0;
  await waitUntil(() => (disk.counts.get("write") ?? 0) > writes);
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  const file = await supply.take(1);
  await file.append(4096, [new Uint8Array(8)], 8);
  expect(disk.counts.get("create")).toBe(2);
  await supply.close();
});
