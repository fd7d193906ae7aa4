import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LoopVolume } from "./loop-volume.ts";
import { PowerCutRun } from "./power-cut-run.ts";
import { buildPowerSwitch, type FileSystem, powerCutObstacle } from "./power-supply.ts";

const cutsWanted = Number(process.env["ROPEWALK_POWERCUT_CUTS"] ?? 10);
const seed = Number(process.env["ROPEWALK_POWERCUT_SEED"] ?? Date.now() % 2 ** 31);
const cutMsMax = 20_000;
/** A store that never syncs is found out by the first cut, most of the time. */
const lyingCutsMax = 5;

const obstacle = powerCutObstacle();
if (obstacle !== undefined) console.warn(`Power cuts are skipped: ${obstacle}.`);

describe.skipIf(obstacle !== undefined)("a store whose power is cut", () => {
  let directory: string;
  let powerSwitch: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "ropewalk-powercut-"));
    powerSwitch = buildPowerSwitch(directory);
    console.log(`ROPEWALK_POWERCUT_SEED=${seed} ROPEWALK_POWERCUT_CUTS=${cutsWanted}`);
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  function makeVolume(name: string, fileSystem: FileSystem): LoopVolume {
    const imagePath = join(directory, `${name}.img`);
    const mountPoint = join(directory, name);
    return LoopVolume.create({ fileSystem, imagePath, mountPoint, powerSwitch });
  }

  test.each(["ext4", "xfs"] as const)(
    "LogStore has every acknowledged write, unchanged and in order, after every cut on %s",
    async (fileSystem) => {
      using volume = makeVolume(fileSystem, fileSystem);
      const run = new PowerCutRun(volume, seed, { isLying: false });
      for (let count = 0; count < cutsWanted && run.faults.length === 0; count++) await run.cut();
      if (run.faults.length === 0) await run.finish();
      console.log(`${fileSystem}: ${run.describe()}.`);
      expect(run.faults).toEqual([]);
      expect(run.model.acknowledgedEntries).toBeGreaterThan(0);
    },
    cutsWanted * cutMsMax,
  );

  test.each(["ext4", "xfs"] as const)(
    "PowerCutRun notices on %s that a disk only says it has synced",
    async (fileSystem) => {
      using volume = makeVolume(`lying-${fileSystem}`, fileSystem);
      const run = new PowerCutRun(volume, seed, { isLying: true });
      for (let count = 0; count < lyingCutsMax && run.faults.length === 0; count++) await run.cut();
      if (run.faults.length === 0) await run.finish();
      expect(run.faults[0]).toMatch(/differ from write|damage was found/);
    },
    lyingCutsMax * cutMsMax,
  );
});
