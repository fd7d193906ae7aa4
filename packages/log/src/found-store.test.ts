import { describe, expect, test } from "vitest";
import type { LogStore } from "./log-store.ts";
import { SeededRandom } from "../fakes/seeded-random.ts";
import { SimulatedDisk } from "../fakes/simulated-disk.ts";
import {
  appendRounds,
  checkRounds,
  directory,
  groupPaths,
  journalPaths,
  keyOf,
  openStore,
  segmentsOf,
  smallConfig,
} from "../fakes/store-harness.ts";

const checkpointPaths = ["0a", "0b", "1a", "1b"].map((copy) => `${directory}/checkpoint-${copy}`);

/** Groups 1 and 2 have segments and an image; group 3 has only what is still in the journal. */
async function closedStore(groupIds: readonly number[] = [1, 2]): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(new SeededRandom(1));
  const store = await openStore(disk);
  const groups = groupIds.map((id) => store.createGroup(keyOf(id)));
  await appendRounds(store, groups, 60);
  for (const group of groups) await store.saveImage(group, 50, Buffer.from("image"));
  await appendRounds(store, [store.createGroup(keyOf(3))], 2, 100);
  await store.close();
  return disk;
}

function quarantinedGroups(store: LogStore): number[] {
  const groups = [...store.groups()].filter(({ quarantined }) => quarantined !== undefined);
  return groups.map(({ key }) => key.groupId).toSorted((left, right) => left - right);
}

/** Of the newest checkpoint, or of the one before. */
function copiesOf(disk: SimulatedDisk, which: "newest" | "oldest"): string[] {
  const numbers = checkpointPaths.map((path) => Buffer.from(disk.bytesOf(path)).readUInt32BE(36));
  const wanted = which === "newest" ? Math.max(...numbers) : Math.min(...numbers);
  return checkpointPaths.filter((_, row) => numbers[row] === wanted);
}

describe("findStore()", () => {
  test("findStore() finds everything in a store that was closed", async () => {
    const disk = await closedStore();
    const store = await openStore(disk);
    expect(quarantinedGroups(store)).toEqual([]);
    for (const group of store.groups()) await checkRounds(group);
    expect([...store.groups()].map(({ imageIndex }) => imageIndex)).toEqual([50, 50, undefined]);
  });

  test("LogStore removes what is left of a group whose deletion was cut short behind its tombstone", async () => {
    const disk = await closedStore();
    const kept = groupPaths(disk, 2);
    const store = await openStore(disk);
    disk.observer = (operation) => {
      if (operation === "remove") disk.dieAfter(0); // The first file goes, the others do not.
    };
    await store.deleteGroup(keyOf(1));
    disk.observer = undefined;
    expect(groupPaths(disk, 1).length).toBeGreaterThan(1);
    disk.restartProcess();
    expect([...(await openStore(disk)).groups()].map(({ key }) => key.groupId)).toEqual([2, 3]);
    expect(groupPaths(disk, 1)).toEqual([]);
    expect(groupPaths(disk, 2)).toEqual(kept);
  });

  test("findStore() needs one copy of the newest checkpoint, whichever", async () => {
    const sound = await closedStore();
    for (const path of [...copiesOf(sound, "newest"), ...copiesOf(sound, "oldest")]) {
      for (const damage of ["flipped", "gone", "empty"]) {
        const disk = sound.copy();
        if (damage === "flipped") disk.flip(path, 40, 1);
        else if (damage === "gone") disk.lose(path);
        else disk.replace(path, new Uint8Array(0));
        const store = await openStore(disk);
        expect(quarantinedGroups(store), `${path} ${damage}`).toEqual([]);
        expect(store.createGroup(keyOf(9)).quarantined).toBeUndefined();
        for (const group of store.groups()) await checkRounds(group);
        await store.close();
      }
    }
  });

  test("findStore() quarantines whoever has more than the journal when all checkpoints are lost", async () => {
    for (const damage of ["flipped", "gone"]) {
      const disk = await closedStore();
      for (const path of checkpointPaths) {
        if (damage === "gone") disk.lose(path);
        else disk.flip(path, 17, 1);
      }
      const before = groupPaths(disk);
      const store = await openStore(disk);
      expect(quarantinedGroups(store).slice(0, 2)).toEqual([1, 2]);
      expect(store.createGroup(keyOf(9)).quarantined, damage).toBeDefined();
      expect(store.createGroup(keyOf(10), "neverExisted").quarantined).toBeUndefined();
      await store.close();
      const reopened = await openStore(disk);
      // Nobody knows which of them count: none is removed.
      expect(groupPaths(disk)).toEqual(before);
      expect(quarantinedGroups(reopened).slice(0, 2)).toEqual([1, 2]);
      expect(reopened.createGroup(keyOf(9)).quarantined).toBeDefined();
    }
  });

  test("findStore() removes what a group had before it was repaired, though all checkpoints were lost once", async () => {
    const disk = await closedStore();
    for (const path of checkpointPaths) disk.lose(path);
    const [before, evidence] = [groupPaths(disk, 1), groupPaths(disk, 2)];
    const store = await openStore(disk);
    const manifest = {
      index: 70,
      endOffset: 140,
      raftFirstIndex: 71,
      startOffset: 140,
      termRuns: [[1, 1] as const],
      segments: [],
      image: new Uint8Array(1),
    };
    const group = store.group(keyOf(1));
    if (group === undefined) throw new Error("the group is not there");
    const hardState = { term: 1, vote: 1, commit: 70 };
    const fetch = (): Promise<never> => Promise.reject(new Error("there are no segments"));
    await store.installSnapshot(group, manifest, hardState, fetch);
    await store.close();
    const reopened = await openStore(disk);
    expect(quarantinedGroups(reopened)).not.toContain(1);
    expect(groupPaths(disk, 1).filter((path) => before.includes(path))).toEqual([]);
    expect(groupPaths(disk, 1)).toHaveLength(1); // Its image.
    expect(groupPaths(disk, 2)).toEqual(evidence);
  });

  test("findStore() never goes back to the checkpoint before the newest without noticing", async () => {
    const disk = await closedStore();
    for (const path of copiesOf(disk, "newest")) disk.flip(path, 70, 1);
    const store = await openStore(disk);
    for (const group of store.groups()) {
      if (group.quarantined !== undefined) continue;
      expect(group.lastIndex()).toBe(group.key.groupId === 3 ? 2 : 60);
      await checkRounds(group);
    }
  });

  test("findStore() takes no harm from a first start that was cut short at its checkpoint", async () => {
    for (const bytes of [0, 10, 64, 70]) {
      const disk = new SimulatedDisk(new SeededRandom(1));
      await (await openStore(disk)).close();
      const path = `${directory}/checkpoint-1a`;
      disk.replace(path, disk.bytesOf(path).subarray(0, bytes));
      disk.lose(`${directory}/checkpoint-1b`);
      const store = await openStore(disk);
      expect(store.createGroup(keyOf(1)).quarantined, `${bytes} bytes`).toBeUndefined();
    }
  });

  test("findStore() quarantines a group whose segment is gone, and nobody else", async () => {
    const disk = await closedStore();
    const lost = groupPaths(disk, 1).find((path) => path.includes("/segment-")) ?? "";
    disk.lose(lost);
    for (let start = 0; start < 2; start++) {
      const store = await openStore(disk);
      expect(quarantinedGroups(store)).toEqual([1]);
      expect(store.group(keyOf(1))?.quarantined?.message).toContain("is gone");
      await store.saveImage(
        store.group(keyOf(2)) ?? store.createGroup(keyOf(2)),
        55,
        Buffer.from("x"),
      );
      await store.close();
    }
  });

  test("findStore() removes segments and images that nobody names", async () => {
    const disk = await closedStore();
    const named = groupPaths(disk);
    const segment = named.find((path) => path.includes("/segment-1.")) ?? "";
    for (const name of ["segment-1.1-900.seg", "image-2.1-901.img", "segment-7.1-902.seg"]) {
      disk.replace(`${directory}/${name}`, disk.bytesOf(segment));
    }
    const store = await openStore(disk);
    expect(groupPaths(disk)).toEqual(named);
    expect([...store.groups()]).toHaveLength(3);
  });

  test("findStore() removes nothing while a copy of a checkpoint is damaged", async () => {
    const disk = await closedStore();
    const extra = `${directory}/segment-1.1-900.seg`;
    disk.replace(extra, new Uint8Array(10));
    const [oldest = ""] = copiesOf(disk, "oldest");
    disk.flip(oldest, 40, 1);
    const store = await openStore(disk);
    expect(groupPaths(disk)).toContain(extra);
    // Nor is its id given again.
    await appendRounds(store, [...store.groups()], 60);
    await store.close();
    const ids = groupPaths(disk).map((path) => Number(/-(\d+)\.(?:seg|img)$/.exec(path)?.[1]));
    expect(ids.filter((id) => id === 900)).toHaveLength(1);
    expect(Math.max(...ids)).toBeGreaterThan(900);
  });

  test("findStore() refuses the checkpoint of another directory", async () => {
    const disk = new SimulatedDisk(new SeededRandom(1));
    const id = (last: string): string => `00000000-0000-4000-8000-00000000000${last}`;
    await (await openStore(disk, smallConfig, id("a"))).close();
    for (const path of journalPaths(disk)) disk.lose(path);
    await expect(openStore(disk, smallConfig, id("b"))).rejects.toMatchObject({
      reason: "DIRECTORY_MISMATCH",
    });
    await (await openStore(disk, smallConfig, id("a"))).close();
  });

  test("findStore() knows how far segments count: what is behind was never moved", async () => {
    const disk = await closedStore([1, 2, 4, 5]); // So many that none fills its segment.
    const store = await openStore(disk);
    const key = keyOf(1);
    const group = store.group(key);
    if (group === undefined) throw new Error("the group is gone");
    expect(segmentsOf(group).some(({ sealed }) => !sealed)).toBe(true);
    await store.close();
    const path =
      groupPaths(disk, key.groupId)
        .filter((each) => each.includes("/segment-"))
        .at(-1) ?? "";
    disk.replace(path, Buffer.concat([disk.bytesOf(path), Buffer.alloc(5000, 9)]));
    const reopened = (await openStore(disk)).group(key);
    if (reopened === undefined) throw new Error("the group is gone");
    await checkRounds(reopened);
  });
});
