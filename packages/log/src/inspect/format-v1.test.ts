import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { NodeDisk } from "@ropewalk/runtime/node";
import { expect, test } from "vitest";
import type { GroupLog } from "../group-log.ts";
import { inspectLog } from "./inspect-log.ts";
import { LogStore } from "../log-store.ts";
import { ManualClock, sampleEntry, silentLogger } from "../../fakes/store-harness.ts";

const testdata = join(import.meta.dirname, "../testdata");
const directoryId = "8f14e45f-ceea-467f-a8b2-3c1d5e6f7a8b";

/** What `expected.json` says of a group. An entry is `term type bytes CRC-32`. */
interface ExpectedGroup {
  readonly group: string;
  readonly isQuarantined: boolean;
  readonly endOffset: number;
  readonly entries: readonly string[];
}

interface Expected {
  readonly groups: readonly ExpectedGroup[];
  readonly faults: readonly unknown[];
}

function expectedOf(name: string): Expected {
  return JSON.parse(readFileSync(join(testdata, name, "expected.json"), "utf8")) as Expected;
}

async function contentOf(group: GroupLog): Promise<unknown> {
  const isQuarantined = group.quarantined !== undefined;
  const endIndex = group.lastIndex() + 1;
  const entries = isQuarantined ? [] : await group.fetch(1, endIndex, 1_000_000);
  return {
    group: `${group.key.groupId}.${group.key.incarnation}`,
    hardState: group.hardState,
    endOffset: group.endOffset(),
    isQuarantined,
    entries: entries.map(
      ({ data, term, type }) => `${term} ${type} ${data.length} ${crc32(data).toString(16)}`,
    ),
  };
}

test.each(["v1-closed", "v1-torn", "v1-damaged"])(
  "inspectLog() tells of %s what it told when the format was fixed",
  async (name) => {
    const { groups, ...expected } = expectedOf(name);
    const inspection = await inspectLog({ disk: new NodeDisk(), directory: join(testdata, name) });
    expect(inspection).toMatchObject(expected);
    expect(inspection.directoryId).toBe(directoryId.replaceAll("-", ""));
    const sound = groups.filter(({ isQuarantined }) => !isQuarantined);
    for (const { endOffset, entries, group } of sound) {
      const found = inspection.groups.find((each) => each.group === group);
      expect(found).toMatchObject({ lastIndex: entries.length, endOffset, quarantined: undefined });
    }
  },
);

test.each(["v1-closed", "v1-torn", "v1-damaged"])(
  "LogStore opens %s, reads every entry, and appends",
  async (name) => {
    const directory = mkdtempSync(join(tmpdir(), "ropewalk-format-"));
    try {
      cpSync(join(testdata, name), directory, { recursive: true });
      const options = { disk: new NodeDisk(), directory, directoryId, logger: silentLogger };
      const store = await LogStore.open({ ...options, clock: new ManualClock() });
      const contents = await Promise.all([...store.groups()].map(contentOf));
      const { groups } = expectedOf(name);
      expect(contents).toEqual(groups);
      const group = [...store.groups()].find(({ quarantined }) => quarantined === undefined);
      expect(group).toBeDefined();
      if (group === undefined) return;
      const index = group.lastIndex() + 1;
      const entries = [sampleEntry(index, 99, Buffer.from("appended"))];
      await store.append([{ group, hardState: undefined, entries }]);
      await store.close();
      const { faults } = await inspectLog(options);
      expect(faults).toEqual(expectedOf(name).faults);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
