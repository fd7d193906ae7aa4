import { crc32c } from "@ropewalk/protocol";
import { DiskError } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import { type Checkpoint, encodeCheckpoint } from "./checkpoint-codec.ts";
import {
  checkpointFileNames,
  CheckpointFiles,
  newestCheckpoint,
  readCheckpoints,
} from "./checkpoint-files.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { type DiskSnapshot, SimulatedDisk } from "../../fakes/simulated-disk.ts";
import { directory } from "../../fakes/store-harness.ts";

function checkpointOf(number: number): Checkpoint {
  return {
    number,
    directoryId: Buffer.alloc(16),
    nextFileId: number * 100,
    startSequence: 1,
    durableTo: { sequence: 1, position: 4096 },
    damage: "x".repeat(number * 300), // Each one longer than the one before: several sectors.
    groups: [],
  };
}

function newDisk(seed: number = 1): SimulatedDisk {
  return new SimulatedDisk(new SeededRandom(seed));
}

async function newestOn(disk: SimulatedDisk): Promise<number | undefined> {
  return newestCheckpoint(await readCheckpoints(disk, directory))?.number;
}

test("CheckpointFiles.write() writes two copies each time, by turns in two slots", async () => {
  const disk = newDisk();
  const files = new CheckpointFiles(disk, directory);
  expect((await readCheckpoints(disk, directory)).map(({ state }) => state)).toEqual(
    checkpointFileNames.map(() => "missing"),
  );
  for (let number = 1; number <= 3; number++) await files.write(checkpointOf(number));
  const copies = await readCheckpoints(disk, directory);
  expect(copies.map(({ checkpoint, name }) => `${name} ${checkpoint?.number}`)).toEqual([
    "checkpoint-0a 2",
    "checkpoint-0b 2",
    "checkpoint-1a 3",
    "checkpoint-1b 3",
  ]);
  expect(newestCheckpoint(copies)).toEqual(checkpointOf(3));
});

test("CheckpointFiles.write() leaves a sound checkpoint wherever a power cut comes, and the new one once it resolved", async () => {
  const disk = newDisk();
  const files = new CheckpointFiles(disk, directory);
  await files.write(checkpointOf(1));
  const snapshots: [DiskSnapshot, number][] = [];
  let written = 1;
  disk.observer = () => snapshots.push([disk.snapshot(), written]);
  for (let number = 2; number <= 5; number++) {
    await files.write(checkpointOf(number));
    written = number;
  }
  snapshots.push([disk.snapshot(), written]);
  for (const [row, [snapshot, number]] of snapshots.entries()) {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed);
      const cut = { names: "any", writes: "any" } as const;
      const found = await newestOn(SimulatedDisk.afterPowerCut(snapshot, cut, random));
      expect([number, number + 1], `cut ${row}, seed ${seed}`).toContain(found);
    }
  }
});

test("readCheckpoints() finds the newest checkpoint in either copy of it, and the one before without both", async () => {
  for (const damaged of [["1a"], ["1b"], ["1a", "1b"]]) {
    const disk = newDisk();
    const files = new CheckpointFiles(disk, directory);
    for (let number = 1; number <= 3; number++) await files.write(checkpointOf(number));
    for (const name of damaged) disk.flip(`${directory}/checkpoint-${name}`, 70, 1);
    expect(await newestOn(disk)).toBe(damaged.length === 2 ? 2 : 3);
  }
});

test("readCheckpoints() refuses a newer format", async () => {
  const disk = newDisk();
  const bytes = Buffer.concat(encodeCheckpoint(checkpointOf(1)));
  bytes.writeUInt32BE(9, 8);
  bytes.writeUInt32BE(crc32c(bytes, 0, 60), 60);
  disk.replace(`${directory}/checkpoint-1a`, bytes);
  await expect(readCheckpoints(disk, directory)).rejects.toMatchObject({
    reason: "FORMAT_UNSUPPORTED",
  });
});

test("CheckpointFiles.write() can be tried again after it failed", async () => {
  for (const operation of ["create", "write", "datasync", "syncDirectory"] as const) {
    const disk = newDisk();
    const files = new CheckpointFiles(disk, directory);
    disk.failNext(operation, new DiskError("FULL", "no space left"));
    await expect(files.write(checkpointOf(1)), operation).rejects.toThrow(/no space/);
    await files.write(checkpointOf(1));
    expect((await readCheckpoints(disk, directory)).map(({ state }) => state)).toEqual([
      "missing",
      "missing",
      "sound",
      "sound",
    ]);
    disk.crash();
    expect(await newestOn(disk), operation).toBe(1);
    await files.close();
  }
});
