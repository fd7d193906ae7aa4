/* The process that a load runs in: told what to do and when by the process that forked it. */
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { CommitLoad } from "./commit-load.ts";
import { FetchLoad } from "./fetch-load.ts";
import { LoadCounter } from "./load-counter.ts";
import type { LoadJob, LoadOrder, LoadReport, LoadSchedule } from "./load-job.ts";
import { ProduceLoad } from "./produce-load.ts";

/** How long it is waited for what was due in the measured time and is under way at its end. */
const drainMsMax = 10_000;
/** A reader for whom nothing came for so long, after something had, has everything. */
const quietMs = 2000;
const lookMs = 50;

type Load = ProduceLoad | FetchLoad | CommitLoad;

let load: Load | undefined;
/** What is to end before the process does. */
let closing: Promise<unknown> = Promise.resolve();

function loadOf(job: LoadJob): Load {
  if (job.kind === "produce") return new ProduceLoad(job);
  return job.kind === "fetch" ? new FetchLoad(job) : new CommitLoad(job);
}

function tell(report: LoadReport): void {
  process.send?.(report);
}

async function run(running: Load, schedule: LoadSchedule): Promise<void> {
  const counter = new LoadCounter(schedule);
  const over = running.run(counter);
  over.catch(() => undefined); // It is awaited below.
  const counts = await counter.measure((records, bytes) =>
    tell({ kind: "progress", records, bytes }),
  );
  await Promise.race([over, delay(drainMsMax), running.endsByItself ? over : quiet(counter)]);
  tell({ kind: "done", result: { ...counts, latencies: counter.latencies() } });
  closing = Promise.allSettled([running.close(), over]);
}

async function quiet(counter: LoadCounter): Promise<void> {
  let seen = counter.records;
  let quietFor = 0;
  for (let ms = 0; ms < drainMsMax && quietFor < quietMs; ms += lookMs) {
    await delay(lookMs);
    quietFor = seen === 0 || counter.records !== seen ? 0 : quietFor + lookMs;
    seen = counter.records;
  }
}

async function obey(order: LoadOrder): Promise<void> {
  if (order.kind === "begin") {
    if (load !== undefined) await run(load, order.schedule);
    return;
  }
  load = loadOf(order.job);
  await load.prepare();
  tell({ kind: "ready" });
}

process.on("message", (order: LoadOrder) => {
  obey(order).catch((error: unknown) => {
    tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  });
});
// Whoever forked it says when: of a process that ends by itself the last report may be lost.
process.on("disconnect", () => void closing.then(() => process.exit()));
