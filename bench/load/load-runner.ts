import { type ChildProcess, fork } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ProcessUsage } from "../cluster/process-usage.ts";
import type { LoadJob, LoadOrder, LoadReport, LoadResult } from "./load-job.ts";
import { sharedUs } from "./shared-clock.ts";

const programPath = fileURLToPath(new URL("load-process.ts", import.meta.url));
/** How long a load may take to connect, and to end after its time. */
const prepareMsMax = 120_000;
const endMsMax = 60_000;
/** From the order to begin until all have heard it. */
const leadUs = 50_000;
/** Brokers rest before they are measured, so that what was before does not count. */
const settleMs = 300;

/** For how long a load runs. */
export interface LoadDuration {
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** What loads that ran at the same time have done, and what the brokers took meanwhile. */
export interface LoadOutcome {
  /** In the order of the jobs. */
  readonly results: readonly LoadResult[];
  /** Of each broker, at both ends of the measured time; empty where they cannot be seen. */
  readonly before: readonly ProcessUsage[];
  readonly after: readonly ProcessUsage[];
}

/** What is done with the counts of a load while it runs. */
export type LoadProgress = (records: number, bytes: number) => void;

/** Runs loads at the same time, each in a process of its own. Rejects with the first failure, and ends all of them. */
export async function runLoads(
  jobs: readonly LoadJob[],
  { seconds, warmUpSeconds }: LoadDuration,
  usages: () => readonly ProcessUsage[],
  progress: LoadProgress = () => undefined,
): Promise<LoadOutcome> {
  const loads = jobs.map((job, i) => new LoadProcess(job, i === 0 ? progress : () => undefined));
  try {
    await within(prepareMsMax, "connect", Promise.all(loads.map((load) => load.ready)));
    await delay(settleMs);
    const beginUs = sharedUs() + leadUs;
    const measureUs = beginUs + warmUpSeconds * 1e6;
    const schedule = { beginUs, measureUs, endUs: measureUs + seconds * 1e6 };
    for (const load of loads) load.order({ kind: "begin", schedule });
    const all = Promise.all(loads.map((load) => load.done));
    all.catch(() => undefined); // It is awaited below.
    await delay((measureUs - sharedUs()) / 1000);
    const before = usages();
    await Promise.race([delay((schedule.endUs - sharedUs()) / 1000), all]);
    const after = usages();
    return { results: await within(endMsMax, "end", all), before, after };
  } finally {
    await Promise.all(loads.map((load) => load.end()));
  }
}

class LoadProcess {
  readonly ready: Promise<void>;
  readonly done: Promise<LoadResult>;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(job: LoadJob, progress: LoadProgress) {
    this.#child = fork(programPath, { execArgv: ["--conditions=source"] });
    this.#exited = new Promise((resolve) => this.#child.once("exit", resolve));
    const ready = Promise.withResolvers<void>();
    const done = Promise.withResolvers<LoadResult>();
    const fail = (error: Error): void => {
      ready.reject(error);
      done.reject(error);
    };
    this.#child.on("message", (report: LoadReport) => {
      if (report.kind === "ready") ready.resolve();
      else if (report.kind === "done") done.resolve(report.result);
      else if (report.kind === "failed") fail(new Error(`${job.kind} load: ${report.message}`));
      else progress(report.records, report.bytes);
    });
    this.#child.once("exit", (status) =>
      fail(new Error(`${job.kind} load: its process ended with ${status ?? "a signal"}`)),
    );
    this.ready = ready.promise;
    this.done = done.promise;
    this.done.catch(() => undefined); // `ready` rejects with the same error.
    this.order({ kind: "prepare", job });
  }

  order(order: LoadOrder): void {
    if (this.#child.connected) this.#child.send(order);
  }

  async end(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), endMsMax);
    if (this.#child.connected) this.#child.disconnect();
    await this.#exited;
    clearTimeout(timer);
  }
}

async function within<Value>(ms: number, what: string, promise: Promise<Value>): Promise<Value> {
  const isOver = new AbortController();
  const late = delay(ms, undefined, { signal: isOver.signal }).then(() => {
    throw new Error(`the loads did not ${what} within ${ms / 1000} s`);
  });
  late.catch(() => undefined); // Whoever is first counts.
  try {
    return await Promise.race([promise, late]);
  } finally {
    isOver.abort();
  }
}
