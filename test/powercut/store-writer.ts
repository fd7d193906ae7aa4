/**
 * A process that appends to a store as fast as it goes, until somebody cuts its power. What it means
 * to do, and what the store promised, it tells its parent, in whole lines, at once.
 */
import { writeSync } from "node:fs";
import process from "node:process";
import { type GroupLog, LogStore } from "@ropewalk/log";
import type { Logger } from "@ropewalk/runtime";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { SeededRandom } from "../../packages/log/fakes/seeded-random.ts";
import { lyingDisk } from "./lying-disk.ts";
import { RandomLoad } from "./random-load.ts";
import {
  type EntryPrint,
  type GroupContent,
  nameOf,
  printOf,
  reportDescriptor,
  type WriterReport,
  type WriterTask,
} from "./writer-report.ts";

const readBytesMax = 4 * 1024 * 1024;

const journalFiles = 6;
const config = {
  segmentBytesMax: 4 * 1024 * 1024,
  destageBytesPerSecondMax: 0,
  fillAheadBytes: 512 * 1024,
  recordBytesMax: 4 * 1024 * 1024,
  cacheBytesMax: 1024 * 1024,
};

function tell(report: WriterReport): void {
  writeSync(reportDescriptor, `${JSON.stringify(report)}\n`);
}

const logger: Logger = {
  debug: (message, fields) => tell({ kind: "logged", message, fields }),
  info: (message, fields) => tell({ kind: "logged", message, fields }),
  warn: (message, fields) => tell({ kind: "logged", message, fields }),
  error: (message, fields) => tell({ kind: "logged", message, fields }),
  child: () => logger,
};

async function contentOf(group: GroupLog): Promise<GroupContent> {
  const entries: EntryPrint[] = [];
  const { hardState, quarantined } = group;
  const firstIndex = group.firstIndex();
  for (let index = firstIndex; quarantined === undefined && index <= group.lastIndex();) {
    const piece = await group.fetch(index, group.lastIndex() + 1, readBytesMax);
    entries.push(...piece.map(printOf));
    index += piece.length;
  }
  const endOffset = group.endOffset();
  const name = nameOf(group);
  return { name, hardState, firstIndex, endOffset, entries, quarantined: quarantined?.message };
}

async function live(task: WriterTask): Promise<void> {
  const { clock, disk } = nodeRuntime();
  const { fileBytesMax, flushBytesMax } = task;
  tell({ kind: "opening" });
  const store = await LogStore.open({
    disk: task.isLying ? lyingDisk(disk) : disk,
    directory: task.directory,
    logger,
    clock,
    // So small that entries move to segments, and files are used again, all the time.
    config: {
      ...config,
      fileBytesMax,
      flushBytesMax,
      journalBytesMax: journalFiles * fileBytesMax,
    },
  });
  const groups: GroupContent[] = [];
  for (const group of store.groups()) groups.push(await contentOf(group));
  tell({ kind: "recovered", groups });
  const load = new RandomLoad(store, new SeededRandom(task.seed), task, tell);
  await load.run(task.appendsMax ?? Number.POSITIVE_INFINITY);
  await store.close();
  tell({ kind: "closed" });
}

try {
  await live(JSON.parse(process.argv[2] ?? "") as WriterTask);
} catch (error) {
  tell({ kind: "failed", message: error instanceof Error ? (error.stack ?? "") : String(error) });
  process.exit(1);
}
