import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { expect, test } from "vitest";
import { Run } from "./run.ts";
import { optionsWithoutPlots, type RunOptions } from "./run-options.ts";

/*
 * How many seconds of a run's time one second of CPU time buys, all threads of the process counted: a machine that is
 * busy with other things too changes little of it. What V8 compiles, it compiles in the first runs, which do not count.
 * `npm run bench -- micro packages/simulation/src/run.bench.ts`; the README keeps the figures.
 */

const limitMs = 1_800_000;
/** `npm test` runs this with next to nothing to do, so that it cannot rot. */
const isTiny = process.env["ROPEWALK_BENCH_TINY"] !== undefined;
const seedCount = isTiny ? 0 : 24;
const warmUpSeedCount = isTiny ? 0 : 6;
const loadSeedCount = isTiny ? 1 : 3;

interface Figures {
  readonly simulatedMs: number;
  readonly cpuMs: number;
  readonly eventCount: number;
  readonly recordCount: number;
}

/** Three brokers, written to and read from all the time, with the faults and the work of admins that the seed decides. */
const underLoad: Partial<RunOptions> = {
  brokerCount: 3,
  partitionCount: 3,
  producerCount: 2,
  plainProducerCount: 0,
  consumersFrom: ["earliest"],
  valueBytesMax: 200,
  pauseMsMax: 100,
  burstMax: 5,
  busyMs: isTiny ? 1_000 : 100_000,
};

/** The same, and nobody but producers and a consumer wants anything. */
const steady: Partial<RunOptions> = {
  ...underLoad,
  moveEveryMsMax: 0,
  groupMemberCount: 0,
  topicChores: [],
  brokerChores: [],
  churnEveryMsMax: 0,
};

/** About 100 records a second in about ten batches, on one partition, and a consumer that reads them: what the figure for a cluster under load is of. */
const inBatches: Partial<RunOptions> = {
  ...steady,
  faults: [],
  partitionCount: 1,
  producerCount: 1,
  pauseMsMax: 200,
  burstMax: 20,
};

/** As many records, nearly each of them a batch of its own. */
const oneByOne: Partial<RunOptions> = { ...steady, faults: [] };

/** Three brokers from which next to nothing is wanted. */
const idle: Partial<RunOptions> = {
  ...steady,
  producerCount: 1,
  consumersFrom: [],
  pauseMsMax: 500_000,
  burstMax: 1,
  faults: [],
  busyMs: isTiny ? 1_000 : 600_000,
};

function cpuMs(): number {
  const { system, user } = process.cpuUsage();
  return (system + user) / 1000;
}

async function measure(name: string, runs: readonly RunOptions[]): Promise<void> {
  const sum = { simulatedMs: 0, cpuMs: 0, eventCount: 0, recordCount: 0 };
  for (const options of runs) {
    const beganMs = cpuMs();
    const outcome = await new Run(options).run();
    sum.cpuMs += cpuMs() - beganMs;
    sum.simulatedMs += outcome.simulatedMs;
    sum.eventCount += outcome.eventCount;
    sum.recordCount += outcome.acknowledgedCount;
    const failures = outcome.failures.filter((failure) => failure !== "nothing was acknowledged");
    expect(failures, `seed ${options.seed}`).toEqual([]);
  }
  console.log(`${name}: ${lineOf(sum)}`);
}

function lineOf({ cpuMs: spentMs, eventCount, recordCount, simulatedMs }: Figures): string {
  const seconds = simulatedMs / 1000;
  return [
    `${(simulatedMs / spentMs).toFixed(0)} times real time`,
    `${seconds.toFixed(0)} s in ${(spentMs / 1000).toFixed(2)} s of CPU time`,
    `${(recordCount / seconds).toFixed(0)} records a second`,
    `${(eventCount / seconds).toFixed(0)} events a second of ${((1000 * spentMs) / eventCount).toFixed(2)} µs`,
  ].join(", ");
}

function seeds(count: number): string[] {
  return Array.from({ length: count }, (_, row) => String(row + 1));
}

function withSeeds(count: number, wanted: Partial<RunOptions>): RunOptions[] {
  return seeds(count).map((seed) => ({ ...optionsWithoutPlots(seed), ...wanted }));
}

test("virtual seconds per CPU second", { timeout: limitMs }, async () => {
  // As `npm run simulate` has it: V8 is not to collect for every 64 MiB of buffers.
  setFlagsFromString("--external-memory-accounted-in-global-limit");
  for (const options of withSeeds(warmUpSeedCount, {})) await new Run(options).run();
  await measure("idle", withSeeds(1, idle));
  await measure("under load, in batches", withSeeds(loadSeedCount, inBatches));
  await measure("under load, one by one", withSeeds(loadSeedCount, oneByOne));
  await measure("one by one, and faults", withSeeds(loadSeedCount, steady));
  await measure("the same, and admins", withSeeds(loadSeedCount, underLoad));
  await measure(`seeds 1 to ${seedCount}`, withSeeds(seedCount, {}));
});
