import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DiskFile } from "@ropewalk/runtime";
import { NodeClock, NodeDisk } from "@ropewalk/runtime/node";
import { test } from "vitest";
import type { GroupLog } from "../group-log.ts";
import { LogStore } from "../log-store.ts";
import { keyOf, sampleBatch, sampleEntry, silentLogger } from "../../fakes/store-harness.ts";

/*
 * What the journal costs beyond the disk: 64 appends of one batch each, spread over the groups, until
 * all are durable, against one write of the same bytes into a file of zeros and one fdatasync.
 */

const appendsAtOnce = 64;
const bareFileBytes = 64 * 1024 * 1024;
const hardState = { term: 1, vote: 1, commit: 0 };
const disk = new NodeDisk();

async function appendRound(
  store: LogStore,
  groups: readonly GroupLog[],
  bytes: number,
): Promise<void> {
  const appends: Promise<void>[] = [];
  for (let number = 0; number < appendsAtOnce; number++) {
    const group = groups[number % groups.length];
    if (group === undefined) continue;
    const data = sampleBatch(group.endOffset(), 10, bytes);
    const entries = [sampleEntry(group.lastIndex() + 1, 1, data)];
    appends.push(store.append([{ group, hardState, entries }]));
  }
  await Promise.all(appends);
}

async function bareFile(path: string): Promise<DiskFile> {
  const file = await disk.create(path);
  await file.write(0, [Buffer.alloc(bareFileBytes)]);
  await file.datasync();
  return file;
}

test.for([
  { groupCount: 1, bytes: 1024 },
  { groupCount: 64, bytes: 1024 },
  { groupCount: 64, bytes: 65_536 },
  { groupCount: 1024, bytes: 65_536 },
])(
  "64 appends of $bytes bytes over $groupCount groups",
  async ({ groupCount, bytes }, { bench }) => {
    const directory = mkdtempSync(join(process.env["BENCH_DIRECTORY"] ?? tmpdir(), "ropewalk-"));
    const clock = new NodeClock();
    const store = await LogStore.open({ disk, directory, logger: silentLogger, clock });
    const groups = Array.from({ length: groupCount }, (_, row) =>
      store.createGroup(keyOf(row + 1)),
    );
    const file = await bareFile(join(directory, "bare"));
    const buffers = Array.from({ length: appendsAtOnce }, () => sampleBatch(0, 10, bytes));
    let position = 0;
    await bench.compare(
      bench("journal", () => appendRound(store, groups, bytes)),
      bench("bare file", async () => {
        if (position + bytes * appendsAtOnce > bareFileBytes) position = 0;
        await file.write(position, buffers);
        await file.datasync();
        position += bytes * appendsAtOnce;
      }),
    );
    await file.close();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  },
);
