import assert from "node:assert/strict";
import { crc32c } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { encodeFileHeader, fileHeaderBytes, journalFileName } from "./file-header.ts";
import {
  decodeRecordHeader,
  type JournalPosition,
  recordHeaderBytes,
  tableRowBytes,
} from "./journal-record.ts";
import type { GroupLog } from "../group-log.ts";
import { LogError } from "../log-error.ts";
import type { LogStore } from "../log-store.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import {
  directory,
  journalPaths,
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
  const path = journalPaths(disk)[row];
  assert(path !== undefined, `file ${row}`);
  return path;
}

/** Where the record with this number, counted over all groups, begins in the first file: behind a mark. */
function positionOf(record: number): number {
  return fileHeaderBytes + recordHeaderBytes + record * recordBytes;
}

/** What the first record of a file says of the file before. */
function floorOf(disk: SimulatedDisk, sequence: number): JournalPosition | undefined {
  const directoryId = new Uint8Array(16);
  const path = `${directory}/${journalFileName(sequence, directoryId)}`;
  const { salt } = encodeFileHeader({ directoryId, sequence });
  const bytes = Buffer.from(disk.bytesOf(path));
  return decodeRecordHeader(bytes, fileHeaderBytes, salt, fileHeaderBytes)?.floor;
}

function zero(disk: SimulatedDisk, path: string, start: number, end: number): void {
  disk.replace(path, Buffer.from(disk.bytesOf(path)).fill(0, start, end));
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
  test("Recovery leaves a torn record alone and goes on in a new file that says where the old one ends", async () => {
    const running = newDisk();
    await fill(await openStore(running), [1, 2], 3);
    const disk = running.copy();
    // The last flush has no successor that says it was durable: a bad byte there is a torn write.
    disk.flip(pathOf(disk), positionOf(5) + recordHeaderBytes + 30, 1);
    const torn = disk.bytesOf(pathOf(disk));
    const reopened = await openStore(disk);
    expect(groupOf(reopened, 1).lastIndex()).toBe(3);
    expect(groupOf(reopened, 2).lastIndex()).toBe(2);
    expect(groupOf(reopened, 2).quarantined).toBeUndefined();
    expect(floorOf(disk, 2)).toEqual({ sequence: 1, position: positionOf(5) });
    await fill(reopened, [2], 1);
    await reopened.close();
    expect(disk.bytesOf(pathOf(disk))).toEqual(torn);
    const again = await openStore(disk);
    expect(groupOf(again, 2).lastIndex()).toBe(3);
  });

  test("Recovery does not take a torn record for one that came back after its place was given up", async () => {
    const running = newDisk();
    await fill(await openStore(running), [1, 2], 3);
    const disk = running.copy();
    const path = pathOf(disk);
    const whole = disk.bytesOf(path);
    disk.flip(path, positionOf(5) + recordHeaderBytes + 30, 1);
    const store = await openStore(disk);
    await store.close();
    // A page that a failed sync had called clean, and that reached the disk after all.
    disk.replace(path, whole);
    const reopened = await openStore(disk);
    expect(groupOf(reopened, 2).lastIndex()).toBe(2);
    expect(groupOf(reopened, 2).quarantined).toBeUndefined();
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

  test("Recovery takes zeros at the end for a torn write, and before what was durable for damage", async () => {
    const running = newDisk();
    await fill(await openStore(running), [1, 2], 3);
    const disk = running.copy();
    const size = disk.bytesOf(pathOf(disk)).length;
    zero(disk, pathOf(disk), positionOf(5), size);
    const store = await openStore(disk);
    expect(groupOf(store, 2).lastIndex()).toBe(2);
    expect(groupOf(store, 2).quarantined).toBeUndefined();
    const other = running.copy();
    zero(other, pathOf(other), positionOf(3), positionOf(4));
    const damaged = await openStore(other);
    expect(groupOf(damaged, 2).quarantined).toBeDefined();
    expect(groupOf(damaged, 1).quarantined).toBeUndefined();
  });

  test("Recovery takes zeros at the end of a file that was closed for damage", async () => {
    const disk = newDisk();
    await closed(disk, [1, 2], 3);
    await (await openStore(disk)).close(); // What begins the second file says where the first one ends.
    zero(disk, pathOf(disk), positionOf(5), disk.bytesOf(pathOf(disk)).length);
    const store = await openStore(disk);
    expect(groupOf(store, 2).quarantined).toBeDefined();
  });

  test("Recovery finds records lost at the end of a file that is not the last", async () => {
    const disk = newDisk();
    const store = await openStore(disk);
    const inFirst = Math.floor((smallConfig.fileBytesMax - positionOf(0)) / recordBytes);
    await fill(store, [1], inFirst - 1);
    await fill(store, [2], 1); // The last in its file, and the only one of its group.
    await fill(store, [1], 3);
    await store.close();
    zero(disk, pathOf(disk), positionOf(inFirst - 1), disk.bytesOf(pathOf(disk)).length);
    const reopened = await openStore(disk);
    expect(groupOf(reopened, 1).quarantined).toBeUndefined();
    expect(groupOf(reopened, 2).quarantined).toBeDefined();
    expect(reopened.createGroup(keyOf(3)).quarantined).toBeDefined();
  });

  test("Recovery quarantines every group with records in a file that is gone or cut short", async () => {
    for (const damage of ["gone", "short"]) {
      const disk = newDisk();
      await closed(disk, [1, 2], 60);
      const path = pathOf(disk, 0);
      if (damage === "gone") disk.lose(path);
      else disk.replace(path, disk.bytesOf(path).subarray(0, positionOf(4)));
      const store = await openStore(disk);
      expect(groupOf(store, 1).quarantined, damage).toBeDefined();
      expect(groupOf(store, 2).quarantined, damage).toBeDefined();
      expect(store.createGroup(keyOf(3)).quarantined, damage).toBeDefined();
    }
  });

  test("Recovery loses nothing to a damaged file header: the name says what it said", async () => {
    const disk = newDisk();
    const id = "01234567-89ab-4def-8123-456789abcdef";
    const store = await openStore(disk, smallConfig, id);
    await fill(store, [1, 2], 60);
    await store.close();
    for (const path of journalPaths(disk)) zero(disk, path, 0, fileHeaderBytes);
    for (const directoryId of [id, undefined]) {
      const reopened = await openStore(disk, smallConfig, directoryId);
      for (const groupId of [1, 2]) {
        expect(groupOf(reopened, groupId).quarantined).toBeUndefined();
        expect(groupOf(reopened, groupId).lastIndex()).toBe(60);
      }
      await reopened.close();
    }
  });

  test("Recovery uses prepared files again, whatever is in them", async () => {
    const disk = newDisk();
    await closed(disk, [1], 2);
    expect(journalPaths(disk)).toHaveLength(2);
    zero(disk, pathOf(disk, 1), 0, fileHeaderBytes);
    disk.flip(pathOf(disk, 1), fileHeaderBytes + 500, 7);
    const creates = disk.counts.get("create");
    const store = await openStore(disk);
    await fill(store, [1], 1);
    await store.close();
    expect(disk.counts.get("create")).toBe((creates ?? 0) + 1); // Only the next one that is prepared.
    const reopened = await openStore(disk);
    expect(groupOf(reopened, 1).lastIndex()).toBe(3);
    expect(groupOf(reopened, 1).quarantined).toBeUndefined();
  });

  test("Recovery refuses a file of a newer format, and takes a flipped bit in the version for damage", async () => {
    const disk = newDisk();
    await closed(disk, [1], 1);
    const path = pathOf(disk);
    disk.flip(path, 11, 3); // Version 1 becomes 2.
    const store = await openStore(disk.copy());
    expect(groupOf(store, 1).quarantined).toBeUndefined();
    const bytes = Buffer.from(disk.bytesOf(path));
    bytes.writeUInt32BE(crc32c(bytes, 0, 60), 60);
    disk.replace(path, bytes);
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

  test("Recovery removes a file that was being created, and keeps files that were prepared", async () => {
    const disk = newDisk();
    await closed(disk, [1], 1);
    const torn = await disk.create(`${directory}/journal-0000000003-00000000.log.tmp`);
    await torn.write(0, [new Uint8Array(10)]);
    const before = journalPaths(disk).length - 1;
    const store = await openStore(disk);
    expect(journalPaths(disk)).toHaveLength(before);
    expect(journalPaths(disk).every((path) => path.endsWith(".log"))).toBe(true);
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
    const paths = disk.paths();
    const path = paths[random.integer(paths.length)] ?? "";
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
