import type { Admin, ReassignmentList } from "@ropewalk/client";
import process from "node:process";

import { listenForStop } from "./stop-signal.ts";
import { printNotice } from "./terminal.ts";

const POLL_MS = 500;
/** A line is printed when something changed, and no more often than this. */
const LINE_MS = 2000;

/** A partition of a topic. */
interface Named {
  readonly topic: string;
  readonly partition: number;
}

/** Waits until these partitions move no more, and says on standard error how far they are. */
export async function awaitReassignments(admin: Admin, named: readonly Named[]): Promise<void> {
  const stop = listenForStop();
  const wanted = new Set(named.map((each) => nameOf(each)));
  const startMs = performance.now();
  let line = { text: "", atMs: -LINE_MS };
  while (!stop.aborted) {
    const { reassignments } = await admin.listReassignments();
    const left = reassignments.filter((each) => wanted.has(nameOf(each)));
    if (left.length === 0) return printNotice("done");
    const nowMs = performance.now();
    const text = progressLine(wanted.size, left, nowMs - startMs);
    if (text !== line.text && nowMs - line.atMs >= LINE_MS) {
      await printNotice(text);
      line = { text, atMs: nowMs };
    }
    await pause(POLL_MS, stop);
  }
  process.exitCode = 1;
  await printNotice("stopped waiting; the partitions go on moving");
}

/** How far a number of partitions are of which some are left, and how long the rest takes at this pace. */
export function progressLine(
  totalCount: number,
  left: ReassignmentList["reassignments"],
  elapsedMs: number,
): string {
  const doneCount = totalCount - left.length;
  const halfDone = left.reduce((sum, { percent = 0 }) => sum + percent / 100, 0);
  const share = (doneCount + halfDone) / totalCount;
  const leftMs = share > 0 ? (elapsedMs / share) * (1 - share) : undefined;
  const eta = leftMs === undefined ? "" : `, about ${Math.ceil(leftMs / 1000)} s left`;
  return `${doneCount} of ${totalCount} moved (${Math.floor(share * 100)} %)${eta}`;
}

function nameOf({ partition, topic }: Named): string {
  return `${topic}/${partition}`;
}

function pause(delayMs: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    stop.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
