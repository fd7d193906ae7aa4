import { DiskError, type DiskErrorCode } from "@ropewalk/runtime";
import { describe, expect, test } from "vitest";
import type { GroupLog } from "./group-log.ts";
import { LogError } from "./log-error.ts";
import type { LogStore } from "./log-store.ts";
import { crashConfig } from "../fakes/crash-check.ts";
import { SeededRandom } from "../fakes/seeded-random.ts";
import { type DiskOperation, SimulatedDisk } from "../fakes/simulated-disk.ts";
import {
  appendRounds,
  checkRounds,
  groupPaths,
  keyOf,
  ManualClock,
  moved,
  openStore,
  segmentsOf,
} from "../fakes/store-harness.ts";

/*
 * One life of a store with everything that it does, in which one operation of the disk fails: each one in turn, of
 * each kind. Whatever was acknowledged is there afterwards, and nobody waits for ever.
 */

const operations: readonly DiskOperation[] = [
  "write",
  "datasync",
  "create",
  "rename",
  "remove",
  "syncDirectory",
  "open",
  "read",
];
const codes: readonly DiskErrorCode[] = ["IO", "FULL"];
const lifeSeed = 5;
const turnsMax = 100_000;

class Life {
  readonly disk = new SimulatedDisk(new SeededRandom(lifeSeed), 3);
  readonly clock = new ManualClock();
  readonly failures: LogError[] = [];
  /** By group: the last entry that was acknowledged, and the last image. */
  readonly lastIndexes = new Map<number, number>();
  readonly imageIndexes = new Map<number, number>();
  /** Deletions that were begun, and whether they were acknowledged. */
  readonly deleted = new Map<number, boolean>();
  store: LogStore | undefined;
  /** What was refused, and may be: what waited on the disk that failed. */
  readonly refusals: unknown[] = [];

  /** Start, appends over several files, moves, segments that are sealed, images, cuts, a deletion, reads, a restart, an end. */
  async live(): Promise<void> {
    for (let start = 0; start < 2; start++) {
      this.failures.length = 0;
      const opened = this.#open();
      if (!(await this.#attempt(opened))) continue;
      const store = await opened;
      this.store = store;
      const groups = [1, 2].map((id) => store.group(keyOf(id)) ?? store.createGroup(keyOf(id)));
      await this.#append(store, groups, 14);
      await this.#attempt(moved(store));
      for (const group of groups) await this.#saveImage(store, group);
      for (const group of groups) await this.#attempt(checkRounds(group));
      await this.#append(store, groups, 8);
      await this.#attempt(moved(store));
      await this.#delete(store, 10 + start);
      await this.#append(store, groups, 6);
      await this.#attempt(store.close());
      expect(this.failures).toEqual(store.failed === undefined ? [] : [store.failed]);
    }
  }

  #open(): Promise<LogStore> {
    const onFailed = (error: LogError): void => void this.failures.push(error);
    return openStore(this.disk, crashConfig, undefined, this.clock, onFailed);
  }

  async #append(store: LogStore, groups: readonly GroupLog[], rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      for (const group of groups) {
        if (store.failed !== undefined || group.quarantined !== undefined) return;
        const index = group.lastIndex() + 1;
        if (!(await this.#attempt(appendRounds(store, [group], 1, 250)))) {
          expect(store.failed, "an append was refused").toBeDefined();
          return;
        }
        this.lastIndexes.set(group.key.groupId, index);
      }
    }
  }

  async #saveImage(store: LogStore, group: GroupLog): Promise<void> {
    const { groupId } = group.key;
    const index = this.lastIndexes.get(groupId) ?? 0;
    if (index === 0 || store.failed !== undefined) return;
    if (!(await this.#attempt(store.saveImage(group, index, Buffer.alloc(700, index))))) return;
    this.imageIndexes.set(groupId, index);
    await this.#attempt(store.cut(group, { startOffset: index }));
  }

  async #delete(store: LogStore, groupId: number): Promise<void> {
    if (store.failed !== undefined) return;
    const group = store.createGroup(keyOf(groupId));
    await this.#append(store, [group], 1);
    if (store.failed !== undefined || group.quarantined !== undefined) return;
    this.deleted.set(groupId, false);
    this.lastIndexes.delete(groupId);
    this.deleted.set(groupId, await this.#attempt(store.deleteGroup(group.key)));
  }

  /** Whether it worked; where it did not, the reason is one that is promised. */
  async #attempt(work: Promise<unknown>): Promise<boolean> {
    try {
      await work;
      return true;
    } catch (error) {
      if (!(error instanceof LogError) && !(error instanceof DiskError)) throw error;
      this.refusals.push(error);
      return false;
    }
  }

  /** What is there after a restart: all that was acknowledged, and sound. */
  async check(): Promise<void> {
    const store = await openStore(this.disk, crashConfig);
    for (const [groupId, lastIndex] of this.lastIndexes) {
      const group = store.group(keyOf(groupId));
      expect(group?.quarantined, `group ${groupId}`).toBeUndefined();
      expect(group?.lastIndex(), `group ${groupId}`).toBeGreaterThanOrEqual(lastIndex);
      if (group !== undefined) await checkRounds(group);
    }
    for (const [groupId, index] of this.imageIndexes) {
      const group = store.group(keyOf(groupId));
      const image = group === undefined ? undefined : await store.image(group);
      expect(image?.index, `image of ${groupId}`).toBeGreaterThanOrEqual(index);
      expect(image?.body).toEqual(Buffer.alloc(700, image?.index));
    }
    for (const [groupId, isAcknowledged] of this.deleted) {
      const group = store.group(keyOf(groupId));
      expect(group === undefined || !isAcknowledged, `group ${groupId} is back`).toBe(true);
    }
    await this.#checkFiles(store);
    await store.close();
  }

  /** Nothing is left of what failed, once there was another checkpoint: no copy of one is damaged any more. */
  async #checkFiles(store: LogStore): Promise<void> {
    const [group] = store.groups();
    if (group === undefined) return;
    await store.saveImage(group, group.lastIndex(), Buffer.alloc(10));
    await store.close();
    const again = await openStore(this.disk, crashConfig);
    const named = [...again.groups()].map((each) => {
      return segmentsOf(each).length + (each.imageIndex === undefined ? 0 : 1);
    });
    expect(groupPaths(this.disk)).toHaveLength(named.reduce((sum, count) => sum + count, 0));
    await again.close();
  }
}

/** Lets a life go on until it ends; time passes, too, for what waits for it. */
async function ended(life: Life): Promise<void> {
  let isEnded = false;
  const lived = life.live().finally(() => {
    isEnded = true;
  });
  lived.catch(() => undefined); // Is awaited below.
  for (let turn = 0; turn < turnsMax && !isEnded; turn++) {
    await Promise.resolve();
    if (turn % 1000 === 999) life.clock.advance(10);
  }
  expect(isEnded, "nobody waits for ever").toBe(true);
  await lived;
}

/** The same life with the failure of one operation after the other, until there is none left to fail. */
async function sweep(operation: DiskOperation, code: DiskErrorCode): Promise<number> {
  for (let callsBefore = 0; ; callsBefore++) {
    const life = new Life();
    life.disk.failAfter(operation, callsBefore, new DiskError(code, `${operation} failed`));
    try {
      await ended(life);
      if (life.disk.hasFailuresLeft) {
        expect(life.refusals).toEqual([]);
        return callsBefore;
      }
      // Once after the death of the process, and once after a power cut.
      if (callsBefore % 2 === 0) life.disk.restartProcess();
      else life.disk.crash();
      await life.check();
    } catch (cause) {
      throw new Error(`${operation} ${callsBefore} failed with ${code}`, { cause });
    }
  }
}

describe("LogStore loses nothing and leaves nobody waiting", () => {
  test.each(operations.flatMap((operation) => codes.map((code) => ({ operation, code }))))(
    "LogStore keeps what it acknowledged, whichever $operation fails with $code",
    { timeout: 120_000 },
    async ({ operation, code }) => {
      expect(await sweep(operation, code)).toBeGreaterThan(3);
    },
  );
});
