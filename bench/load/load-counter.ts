import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { LatencyHistogram } from "./latency-histogram.ts";
import type { LatencyName, LoadResult, LoadSchedule } from "./load-job.ts";
import { sharedUs } from "./shared-clock.ts";

/** Into so many parts the measured time is split, to show how much it scatters. */
const windowCount = 5;

/** What a load does, counted while it is measured. */
export class LoadCounter {
  readonly schedule: LoadSchedule;
  records = 0;
  bytes = 0;
  batches = 0;
  failedRecords = 0;
  readonly #latencies = new Map<LatencyName, LatencyHistogram>();

  constructor(schedule: LoadSchedule) {
    this.schedule = schedule;
  }

  /** The load goes on until then. */
  get isOver(): boolean {
    return sharedUs() >= this.schedule.endUs;
  }

  /** Counts records that are done with. */
  add(records: number, bytes: number, batches: number = 0): void {
    this.records += records;
    this.bytes += bytes;
    this.batches += batches;
  }

  /** Counts `count` records that were due at `dueUs`, if that was in the measured time. */
  time(name: LatencyName, dueUs: number, nowUs: number, count: number = 1): void {
    const { measureUs, endUs } = this.schedule;
    if (dueUs < measureUs || dueUs >= endUs) return;
    let histogram = this.#latencies.get(name);
    if (histogram === undefined) this.#latencies.set(name, (histogram = new LatencyHistogram()));
    histogram.record(nowUs - dueUs, count);
  }

  /** Waits for the measured time and takes the counts of its windows; `progress` hears them. */
  async measure(progress: (records: number, bytes: number) => void): Promise<MeasuredCounts> {
    const { measureUs, endUs } = this.schedule;
    await until(measureUs);
    const cpu = process.cpuUsage();
    const windows: { records: number; bytes: number }[] = [];
    const { failedRecords, batches } = this;
    for (let window = 1; window <= windowCount; window++) {
      const { records, bytes } = this;
      const beganUs = sharedUs();
      await until(measureUs + ((endUs - measureUs) * window) / windowCount);
      // A loop that is busy wakes late: the counts are those of the time that really passed.
      const share = (endUs - measureUs) / windowCount / (sharedUs() - beganUs);
      windows.push({
        records: (this.records - records) * share,
        bytes: (this.bytes - bytes) * share,
      });
      progress(this.records, this.bytes);
    }
    const { user, system } = process.cpuUsage(cpu);
    return {
      windows,
      windowSeconds: (endUs - measureUs) / windowCount / 1e6,
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      failedRecords: this.failedRecords - failedRecords,
      batches: this.batches - batches,
    };
  }

  /** The latencies so far; to be asked when the records of the measured time are done with. */
  latencies(): LoadResult["latencies"] {
    return Object.fromEntries(
      [...this.#latencies].map(([name, histogram]) => [name, histogram.counts()]),
    );
  }
}

/** What the windows of a load held. */
export type MeasuredCounts = Omit<LoadResult, "latencies">;

async function until(us: number): Promise<void> {
  const leftMs = (us - sharedUs()) / 1000;
  if (leftMs > 0) await delay(leftMs);
}
