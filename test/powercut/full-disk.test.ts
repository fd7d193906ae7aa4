import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SeededRandom } from "../../packages/log/fakes/seeded-random.ts";
import { Ballast } from "./ballast.ts";
import { FullStoreRun } from "./full-store-run.ts";
import { LoopVolume } from "./loop-volume.ts";
import { type FileSystem, volumeObstacle } from "./power-supply.ts";

const roundsWanted = Number(process.env["ROPEWALK_FULL_DISK_ROUNDS"] ?? 3);
const seed = Number(process.env["ROPEWALK_POWERCUT_SEED"] ?? Date.now() % 2 ** 31);
const roundMsMax = 60_000;
const mebibyte = 1024 * 1024;
/** xfs wants 300 MiB. */
const volumeBytes = 320 * mebibyte;
const roomBytes = 48 * mebibyte;

const obstacle = volumeObstacle();
if (obstacle !== undefined) console.warn(`Full disks are skipped: ${obstacle}.`);

describe.skipIf(obstacle !== undefined)("a disk that is full", () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "ropewalk-full-disk-"));
    console.log(`ROPEWALK_POWERCUT_SEED=${seed} ROPEWALK_FULL_DISK_ROUNDS=${roundsWanted}`);
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  function makeVolume(name: string, fileSystem: FileSystem): LoopVolume {
    const imagePath = join(directory, `${name}.img`);
    const mountPoint = join(directory, name);
    return LoopVolume.create({ fileSystem, imagePath, mountPoint, volumeBytes });
  }

  test.each(["ext4", "xfs"] as const)(
    "LogStore loses nothing on a full %s, lets everything but records go on, and takes records again by itself",
    async (fileSystem) => {
      using volume = makeVolume(fileSystem, fileSystem);
      const ballast = new Ballast(volume.mountPoint);
      ballast.leave(roomBytes);
      await using run = new FullStoreRun(volume.mountPoint, ballast, new SeededRandom(seed));
      for (let round = 0; round < roundsWanted; round++) await run.round();
      await run.finish();
      console.log(`${fileSystem}: ${run.describe()}.`);
      expect(run.figures.acknowledgedBytes).toBeGreaterThan(0);
    },
    (roundsWanted + 1) * roundMsMax,
  );
});
