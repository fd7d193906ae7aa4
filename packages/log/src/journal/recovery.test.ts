import assert from "node:assert/strict";
import { crc32c } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { fileHeaderBytes } from "./file-header.ts";
import { recordHeaderBytes, tableRowBytes } from "./journal-record.ts";
import type { GroupLog } from "../group-log.ts";
import { LogError } from "../log-error.ts";
import type { LogStore } from "../log-store.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import {
  directory,
  keyOf,
  openStore,
  sampleBatch,
  sampleEntry,
  smallConfig,
} from "../../fakes/store-harness.ts";

const dataBytes = 104;
/** Every record below is header, one row and this data: a multiple of eight. */
const recordBytes = recordHeaderBytes + tableRowBytes + dataBytes;

function newDisk(seed: number = 1): SimulatedDisk {
  return new SimulatedDisk(new SeededRandom(seed));
}

/** Appends one entry to each of the groups in turn, `rounds` times, a flush each. */
async function fill(store: LogStore, groupIds: readonly number[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const groupId of groupIds) {
      const group = store.group(keyOf(groupId)) ?? store.createGroup(keyOf(groupId));
      const data = sampleBatch(group.endOffset(), 2, dataBytes, groupId);
      const index = group.lastIndex() + 1;
      const hardState = { term: 1, vote: 1, commit: index - 1 };
      await store.append([{ group, hardState, entries: [sampleEntry(index, 1, data)] }]);
    }
  }
}

function groupOf(store: LogStore, groupId: number): GroupLog {
  const group = store.group(keyOf(groupId));
  assert(group !== undefined, `group ${groupId}`);
  return group;
}

function pathOf(disk: SimulatedDisk, row: number = 0): string {
  const path = disk.paths()[row];
  assert(path !== undefined, `file ${row}`);
  return path;
}

/** Where the record with this number, counted over all groups, begins in the first file. */
function positionOf(record: number): number {
  return fileHeaderBytes + record * recordBytes;
}

async function closed(
  disk: SimulatedDisk,
  groupIds: readonly number[],
  rounds: number,
): Promise<void> {
  const store = await openStore(disk);
  await fill(store, groupIds, rounds);
  await store.close();
}

async function failureOf(opened: Promise<LogStore>): Promise<LogError> {
  const error: unknown = await opened.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert(error instanceof LogError, `opened, or failed otherwise: ${String(error)}`);
  return error;
}

describe("Recovery", () => {
  test("Recovery erases a torn record at the end and appends in its place", async () => {
    const disk = newDisk();
    const store = await openStore(disk);
    await fill(store, [1, 2], 3);
    disk.restartProcess();
    // The last flush has no successor that says it was durable: a bad byte there is a torn write.
    disk.flip(pathOf(disk), positionOf(5) + recordHeaderBytes + 30, 1);
    const reopened = await openStore(disk);
    expect(groupOf(reopened, 1).lastIndex()).toBe(3);
    expect(groupOf(reopened, 2).lastIndex()).toBe(2);
    expect(groupOf(reopened, 2).quarantined).toBeUndefined();
    const erased = disk.bytesOf(pathOf(disk)).subarray(positionOf(5));
    expect(erased.every((byte) => byte === 0)).toBe(true);
    await fill(reopened, [2], 1);
    await reopened.close();
    const again = await openStore(disk);
    expect(groupOf(again, 2).lastIndex()).toBe(3);
  });

  test("Recovery quarantines only the group whose data is damaged", async () => {
    const disk = newDisk();
    await closed(disk, [1, 2, 3], 3);
    disk.flip(pathOf(disk), positionOf(1) + recordBytes - 1, 4); // Record 1 is the first of group 2.
    const before = disk.bytesOf(pathOf(disk));
    const store = await openStore(disk);
    expect(groupOf(store, 2).quarantined?.reason).toBe("DATA_DAMAGED");
    expect(groupOf(store, 1).quarantined).toBeUndefined();
    expect(groupOf(store, 3).lastIndex()).toBe(3);
    await fill(store, [1, 3], 2);
    const after = disk.bytesOf(pathOf(disk));
    expect(
      Buffer.compare(before.subarray(0, positionOf(9)), after.subarray(0, positionOf(9))),
    ).toBe(0);
    await store.close();
    const reopened = await openStore(disk);
    expect(groupOf(reopened, 2).quarantined).toBeDefined();
    expect(groupOf(reopened, 1).lastIndex()).toBe(5);
  });

  test("Recovery quarantines the group whose record header is damaged and proves the others", async () => {
    const disk = newDisk();
    await closed(disk, [1, 2, 3], 3);
    disk.flip(pathOf(disk), positionOf(4) + 40, 1); // Record 4 is the second of group 2.
    const store = await openStore(disk);
    expect(groupOf(store, 1).quarantined).toBeUndefined();
    expect(groupOf(store, 2).quarantined).toBeDefined();
    expect(groupOf(store, 3).quarantined).toBeUndefined();
    expect(groupOf(store, 3).lastIndex()).toBe(3);
  });

  test("Recovery quarantines a group that cannot prove that the damaged record was not its own", async () => {
    const disk = newDisk();
    const store = await openStore(disk);
    await fill(store, [9], 1);
    await fill(store, [1, 2], 2);
    await store.close();
    disk.flip(pathOf(disk), positionOf(1) + 40, 1); // The first of group 1; group 9 is idle since.
    const reopened = await openStore(disk);
    expect(groupOf(reopened, 9).quarantined).toBeDefined();
    expect(groupOf(reopened, 1).quarantined).toBeDefined();
    expect(groupOf(reopened, 2).quarantined).toBeUndefined();
    expect(reopened.createGroup(keyOf(50)).quarantined).toBeDefined();
    expect(reopened.createGroup(keyOf(51), "neverExisted").quarantined).toBeUndefined();
  });

  test("Recovery takes a durable record that turned to zeros for damage, not for the end", async () => {
    const disk = newDisk();
    await closed(disk, [1, 2], 3);
    const bytes = disk.bytesOf(pathOf(disk));
    for (let at = positionOf(3); at < positionOf(6) + recordHeaderBytes; at++) {
      disk.flip(pathOf(disk), at, bytes[at] ?? 0);
    }
    // Even the mark of the clean end is gone, but record 2 knows that records 0 and 1 were durable …
    const store = await openStore(disk);
    expect(groupOf(store, 1).lastIndex()).toBe(2);
    await store.close();
    // … whereas zeros before a record that was durable are damage.
    const other = newDisk();
    await closed(other, [1, 2], 3);
    for (let at = positionOf(3); at < positionOf(4); at++) {
      other.flip(pathOf(other), at, other.bytesOf(pathOf(other))[at] ?? 0);
    }
    const damaged = await openStore(other);
    expect(groupOf(damaged, 2).quarantined).toBeDefined();
    expect(groupOf(damaged, 1).quarantined).toBeUndefined();
  });

  test("Recovery finds records lost at the end of a file that is not the last", async () => {
    const disk = newDisk();
    const store = await openStore(disk);
    const inFirst = Math.floor((smallConfig.fileBytesMax - fileHeaderBytes) / recordBytes);
    await fill(store, [1], inFirst - 1);
    await fill(store, [2], 1); // The last in its file, and the only one of its group.
    await fill(store, [1], 3);
    await store.close();
    const bytes = disk.bytesOf(pathOf(disk));
    for (let at = positionOf(inFirst - 1); at < bytes.length; at++) {
      disk.flip(pathOf(disk), at, bytes[at] ?? 0);
    }
    const reopened = await openStore(disk);
    expect(groupOf(reopened, 1).quarantined).toBeUndefined();
    expect(reopened.createGroup(keyOf(2)).quarantined).toBeDefined();
  });

  test("Recovery quarantines every group in doubt when the header of a used file is damaged", async () => {
    const disk = newDisk();
    await closed(disk, [1, 2], 60);
    disk.flip(pathOf(disk, 1), 20, 1);
    const store = await openStore(disk);
    expect(groupOf(store, 1).quarantined).toBeDefined();
    expect(groupOf(store, 2).quarantined).toBeDefined();
  });

  test("Recovery keeps a last file with a damaged header and appends behind it", async () => {
    const disk = newDisk();
    await closed(disk, [1, 2], 30);
    const last = 1; // The third was only prepared.
    disk.flip(pathOf(disk, last), 0, 1);
    const damaged = disk.bytesOf(pathOf(disk, last));
    const store = await openStore(disk);
    expect(groupOf(store, 1).quarantined).toBeDefined();
    const group = store.createGroup(keyOf(7), "neverExisted");
    await store.append([{ group, hardState: { term: 3, vote: 1, commit: 0 }, entries: [] }]);
    await store.close();
    expect(Buffer.compare(damaged, disk.bytesOf(pathOf(disk, last)))).toBe(0);
    const reopened = await openStore(disk);
    expect(groupOf(reopened, 7).hardState.term).toBe(3);
    expect(groupOf(reopened, 7).quarantined).toBeUndefined();
  });

  test("Recovery removes a prepared file although its header is damaged", async () => {
    const disk = newDisk();
    await closed(disk, [1], 2);
    expect(disk.paths()).toHaveLength(2);
    disk.flip(pathOf(disk, 1), 0, 1);
    const store = await openStore(disk);
    expect(groupOf(store, 1).quarantined).toBeUndefined();
    expect(disk.paths()).toHaveLength(1);
  });

  test("Recovery takes bytes behind the end that no flush can have left for damage", async () => {
    const disk = newDisk();
    const config = { ...smallConfig, recordBytesMax: 512, flushBytesMax: 512 };
    const store = await openStore(disk, config);
    await fill(store, [1], 2);
    await store.close();
    disk.flip(pathOf(disk), positionOf(2) + recordHeaderBytes + 2000, 1);
    const reopened = await openStore(disk, config);
    expect(groupOf(reopened, 1).quarantined).toBeDefined();
  });

  test("Recovery refuses a file of a newer format, and takes a flipped bit in the version for damage", async () => {
    const disk = newDisk();
    await closed(disk, [1], 1);
    const path = pathOf(disk);
    disk.flip(path, 11, 3); // Version 1 becomes 2.
    const store = await openStore(disk);
    expect(store.group(keyOf(1))).toBeUndefined();
    expect(store.createGroup(keyOf(1)).quarantined).toBeDefined();
    await store.close();
    const header = Buffer.from(disk.bytesOf(path).subarray(0, 64));
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32c(header, 0, 60));
    for (const [row, byte] of crc.entries())
      disk.flip(path, 60 + row, byte ^ (header[60 + row] ?? 0));
    const failure = await failureOf(openStore(disk));
    expect(failure.reason).toBe("FORMAT_UNSUPPORTED");
    expect(failure.message).toMatch(/version 2/);
  });

  test("Recovery refuses another directory's files and a second process", async () => {
    const disk = newDisk();
    const idA = "00000000-0000-4000-8000-00000000000a";
    const idB = "00000000-0000-4000-8000-00000000000b";
    const store = await openStore(disk, smallConfig, idA);
    expect((await failureOf(openStore(disk, smallConfig, idA))).reason).toBe("DIRECTORY_LOCKED");
    await store.close();
    expect((await failureOf(openStore(disk, smallConfig, idB))).reason).toBe("DIRECTORY_MISMATCH");
    await (await openStore(disk, smallConfig, idA)).close();
    await (await openStore(disk, smallConfig)).close();
  });

  test("Recovery removes a file that was being created, and files that were only prepared", async () => {
    const disk = newDisk();
    await closed(disk, [1], 1);
    const torn = await disk.create(`${directory}/journal-0000000002-00000000.log.tmp`);
    await torn.write(0, [new Uint8Array(10)]);
    const store = await openStore(disk);
    expect(disk.paths()).toHaveLength(1);
    expect(groupOf(store, 1).lastIndex()).toBe(1);
  });
});

test("LogStore.open() never shows a wrong record, whichever byte is damaged", async () => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = new SeededRandom(seed);
    const disk = newDisk(seed);
    await closed(disk, [1, 2, 3], 1 + random.integer(30));
    const sound = await openStore(disk);
    const expected = [1, 2, 3].map((groupId) => groupOf(sound, groupId).lastIndex());
    await sound.close();
    const path = pathOf(disk, random.integer(disk.paths().length));
    disk.flip(path, random.integer(disk.bytesOf(path).length), 1 << random.integer(8));
    const store = await openStore(disk);
    for (const [row, groupId] of [1, 2, 3].entries()) {
      const group = store.group(keyOf(groupId));
      if (group === undefined) {
        expect(store.createGroup(keyOf(groupId)).quarantined, `seed ${seed}`).toBeDefined();
      } else if (group.quarantined === undefined) {
        expect(group.lastIndex(), `seed ${seed}`).toBe(expected[row]);
        for (const entry of await group.fetch(1, group.lastIndex() + 1, 1e6)) {
          const offset = (entry.index - 1) * 2;
          expect(Buffer.compare(entry.data, sampleBatch(offset, 2, dataBytes, groupId))).toBe(0);
        }
      }
    }
    await store.close();
  }
});
