import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { NodeDisk } from "@ropewalk/runtime/node";
import { beforeAll, expect, test } from "vitest";
import type { GroupLog } from "../group-log.ts";
import { inspectLog } from "./inspect-log.ts";
import type { LogInspection } from "./log-inspection.ts";
import { LogError } from "../log-error.ts";
import { LogStore } from "../log-store.ts";
import { fixtureDirectoryId, writeFixtures } from "../../fakes/format-fixtures.ts";
import { ManualClock, sampleEntry, silentLogger } from "../../fakes/store-harness.ts";

/*
 * What was written in format version 1 can be read for ever, and means the same. The directories were made with
 * LOG_WRITE_FIXTURES=1, once.
 */

const testdata = join(import.meta.dirname, "../testdata");
const isWriting = process.env["LOG_WRITE_FIXTURES"] === "1";
const names = ["v1-closed", "v1-torn", "v1-damaged"];

interface Expected {
  readonly groups: unknown;
  readonly inspection: unknown;
}

function pathOf(name: string): string {
  return join(testdata, name, "expected.json");
}

function expectedOf(name: string): Expected {
  return JSON.parse(readFileSync(pathOf(name), "utf8")) as Expected;
}

function openStore(directory: string): Promise<LogStore> {
  return LogStore.open({
    disk: new NodeDisk(),
    directory,
    directoryId: fixtureDirectoryId,
    logger: silentLogger,
    clock: new ManualClock(),
  });
}

/** Works on a copy, for a start changes things. */
async function withCopy<T>(name: string, work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "ropewalk-format-"));
  try {
    cpSync(join(testdata, name), directory, { recursive: true });
    rmSync(join(directory, "expected.json"), { force: true });
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function digest(data: Uint8Array): string {
  return `${data.length} ${crc32(data).toString(16)}`;
}

/** What a read gives, or why it gives nothing. */
async function outcome(read: () => Promise<unknown>): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof LogError) return error.reason;
    throw error;
  }
}

async function readEntries(group: GroupLog): Promise<string[]> {
  const entries: string[] = [];
  const endIndex = group.lastIndex() + 1;
  for (let next = group.firstIndex(); next < endIndex;) {
    for (const { data, index, term, type } of await group.fetch(next, endIndex, 1_000_000)) {
      entries.push(`${index} ${term} ${type} ${digest(data)}`);
      next = index + 1;
    }
  }
  return entries;
}

async function readBatches(group: GroupLog): Promise<string[]> {
  const batches: string[] = [];
  for (let offset = group.startOffset(); offset < group.endOffset();) {
    for (const batch of await group.read(offset, group.endOffset(), 1_000_000)) {
      const bytes = Buffer.from(batch);
      const baseOffset = Number(bytes.readBigInt64BE(0));
      batches.push(`${baseOffset} ${digest(batch)}`);
      offset = baseOffset + bytes.readInt32BE(23) + 1;
    }
  }
  return batches;
}

async function contentOf(store: LogStore, group: GroupLog): Promise<unknown> {
  const isQuarantined = group.quarantined !== undefined;
  const { groupId, incarnation } = group.key;
  return {
    group: `${groupId}.${incarnation}`,
    isQuarantined,
    hardState: group.hardState,
    indexes: [group.firstIndex(), group.lastIndex()],
    offsets: [group.startOffset(), group.endOffset()],
    segments: group.segments(),
    image: await outcome(async () => {
      const image = await store.image(group);
      return image === undefined ? null : `${image.index} ${digest(image.body)}`;
    }),
    batches: await outcome(() => readBatches(group)),
    entries: await outcome(() => readEntries(group)),
  };
}

async function contentsOf(store: LogStore): Promise<unknown[]> {
  const contents: unknown[] = [];
  for (const group of store.groups()) contents.push(await contentOf(store, group));
  return contents;
}

function isOfV1(inspection: LogInspection): unknown {
  const { directory: _, ...rest } = inspection;
  return JSON.parse(JSON.stringify(rest)) as unknown;
}

async function writeExpected(name: string): Promise<void> {
  const expected = await withCopy(name, async (directory) => {
    const inspection = isOfV1(await inspectLog({ disk: new NodeDisk(), directory }));
    const store = await openStore(directory);
    const groups = await contentsOf(store);
    await store.close();
    return { groups, inspection };
  });
  writeFileSync(pathOf(name), `${JSON.stringify(expected, undefined, 2)}\n`);
}

beforeAll(async () => {
  if (!isWriting) return;
  await writeFixtures("v1", testdata);
  for (const name of names) await writeExpected(name);
});

test.each(names)(
  "inspectLog() tells of %s what it told when the format was fixed",
  async (name) => {
    const { inspection } = expectedOf(name);
    const found = await withCopy(name, (directory) =>
      inspectLog({ disk: new NodeDisk(), directory }),
    );
    expect(isOfV1(found)).toMatchObject(inspection as object);
    expect(found.directoryId).toBe(fixtureDirectoryId.replaceAll("-", ""));
    expect(found.faults.length > 0).toBe(name === "v1-damaged");
  },
);

test.each(names)("LogStore opens %s, reads all that is in it, and appends", async (name) => {
  await withCopy(name, async (directory) => {
    const store = await openStore(directory);
    expect(await contentsOf(store)).toEqual(expectedOf(name).groups);
    const sound = [...store.groups()].filter(({ quarantined }) => quarantined === undefined);
    const ends = new Map<string, number>();
    for (const group of sound) {
      const index = group.lastIndex() + 1;
      const entries = [sampleEntry(index, 99, Buffer.from("appended"))];
      await store.append([{ group, hardState: undefined, entries }]);
      ends.set(JSON.stringify(group.key), index);
    }
    await store.close();
    const reopened = await openStore(directory);
    for (const group of reopened.groups()) {
      const end = ends.get(JSON.stringify(group.key));
      if (end === undefined) continue;
      expect([group.lastIndex(), group.term(end)]).toEqual([end, 99]);
      expect(await group.fetch(end, end + 1, 100)).toMatchObject([{ index: end, term: 99 }]);
    }
    await reopened.close();
  });
});

test("The fixtures of format version 1 hold files of every kind, used again and not", () => {
  for (const name of names) {
    expect(existsSync(pathOf(name))).toBe(true);
    const { inspection } = expectedOf(name) as { readonly inspection: LogInspection };
    const states = inspection.files.map(({ state }) => state);
    expect(new Set(states)).toEqual(new Set(["written", "prepared"]));
    expect(new Set(inspection.segments.map(({ isSealed }) => isSealed))).toEqual(
      new Set([true, false]),
    );
    expect(inspection.checkpoints.map(({ state }) => state)).not.toContain("missing");
    // What came before the first of them was used again.
    expect(
      Math.min(...inspection.files.map((file) => Number(file.name.slice(8, 18)))),
    ).toBeGreaterThan(1);
  }
});
