import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SeededRandom } from "../../packages/log/fakes/seeded-random.ts";
import { ProcessCluster } from "../cluster/process-cluster.ts";
import { Ballast } from "./ballast.ts";
import { FullClusterRun } from "./full-cluster-run.ts";
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

/** So much room, in blocks, is left for a commit that needs more: LMDB says different things of different amounts. */
const stateBlocksMax = 20;

function bufferOf(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString();
}

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

  test.each(["ext4", "xfs"] as const)(
    "KeyValueStore takes commits again after %s had no room, or some, for one",
    async (fileSystem) => {
      using volume = makeVolume(`state-${fileSystem}`, fileSystem);
      const ballast = new Ballast(volume.mountPoint);
      const path = join(volume.mountPoint, "state");
      const { keyValueStores } = nodeRuntime();
      const { store } = await keyValueStores.open(path);
      const kept = new Map<string, string>();
      let refusals = 0;
      const commit = async (key: string, kibibytes: number): Promise<boolean> => {
        const value = Buffer.alloc(kibibytes * 1024, key);
        try {
          await store.commit([{ key, value }]);
        } catch (error) {
          expect(error).toMatchObject({ code: "FULL" });
          refusals += 1;
          return false;
        }
        kept.set(key, value.toString());
        return true;
      };
      for (let blocks = 0; blocks < stateBlocksMax; blocks++) {
        await ballast.fill();
        ballast.giveBack(blocks);
        for (let number = 0; number < 3; number++) await commit(`full-${blocks}-${number}`, 60);
        for (const [key, value] of kept) expect(bufferOf(store.get(key))).toBe(value);
        ballast.remove();
        expect(await commit(`room-${blocks}`, 60)).toBe(true);
      }
      expect(refusals).toBeGreaterThan(0);
      await store.close();
      const { discarded, store: reopened } = await keyValueStores.open(path);
      expect(discarded).toBeUndefined();
      const found = new Map(
        [...reopened.range("a", "z")].map(([key, value]) => [key, bufferOf(value)]),
      );
      expect(found).toEqual(kept);
      await reopened.close();
    },
    roundMsMax,
  );

  test(
    "a cluster refuses records while its disks are full, reads and deletes, and takes records again by itself",
    async () => {
      await using cluster = await ProcessCluster.prepare(3, "smallDisk");
      using volumes = new DisposableStack(); // Gone before the cluster's directory is.
      const ballasts = cluster.brokerIds.map((id) => {
        const fileSystem = id % 2 === 1 ? "ext4" : "xfs";
        const imagePath = join(directory, `broker-${id}.img`);
        const mountPoint = cluster.dataDirectory(id);
        volumes.use(LoopVolume.create({ fileSystem, imagePath, mountPoint, volumeBytes }));
        const ballast = new Ballast(mountPoint);
        ballast.leave(roomBytes);
        return ballast;
      });
      const processes = cluster.brokerIds.map((id) => cluster.spawn(id));
      await cluster.ready();
      const run = new FullClusterRun(cluster, processes, ballasts, new SeededRandom(seed));
      for (let round = 0; round < roundsWanted; round++) await run.round();
      const { figures, resumedMsMax } = run;
      console.log(`cluster: ${JSON.stringify({ ...figures, resumedMsMax })}.`);
      expect(figures.refused).toBe(roundsWanted);
      await Promise.all(cluster.brokerIds.map((id) => cluster.kill(id)));
    },
    (roundsWanted + 1) * roundMsMax,
  );
});
