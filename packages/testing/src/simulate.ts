import { randomUUID } from "node:crypto";
import process from "node:process";
import type { NewTopic } from "@ropewalk/client";
import { faultKinds, lossyFaults, usualFaults } from "@ropewalk/simulation";
import { checkedBrokers } from "./cluster-shape.ts";
import type { Duration } from "./duration.ts";
import type { Fault } from "./random-faults.ts";
import { SimulationFailure } from "./simulation-failure.ts";
import { SimulatedTest, type SimulationBody, type TestReport } from "./simulated-test.ts";
import { TestingError } from "./testing-error.ts";

/** What a simulated test is like. */
export interface SimulateOptions {
  /**
   * Decides everything that is left to chance. Default: another one each time, which a failure names. The environment's
   * ROPEWALK_SEED takes its place, for that one run.
   */
  readonly seed?: string | number | undefined;
  /** So many runs, one after the other, each with a seed made of `seed` and its number. Default 1. */
  readonly runs?: number | undefined;
  /** How many brokers, 1 to 9. Default 3. */
  readonly brokers?: number | undefined;
  /** Topics that are there when the function is called. */
  readonly topics?: readonly (string | NewTopic)[] | undefined;
  /** What befalls the cluster at random while the function runs. Default: nothing. */
  readonly faults?: "all" | readonly Fault[] | undefined;
  /** The longest pause between two of them. Default "2s". */
  readonly faultEvery?: Duration | undefined;
  /** The longest time that one lasts. Default "5s". */
  readonly faultLasts?: Duration | undefined;
  /** How long the function may take, in virtual time. Default "10m". */
  readonly limit?: Duration | undefined;
  /** Runs each seed twice and fails with NOT_DETERMINISTIC where the runs differ. Default false. */
  readonly twice?: boolean | undefined;
}

/**
 * Runs a function against a cluster, in virtual time and with what a seed decides: the same seed gives the same run, and
 * a run takes as long as it takes to compute. Within the function timers, `Date`, `Math.random` and their like are
 * virtual, too. Rejects with a {@link SimulationFailure} that names the seed when the function throws, does not end
 * within `limit`, or a broker fails; with a {@link TestingError} INVALID_OPTION or INVALID_DURATION before that.
 */
export async function simulate(
  options: SimulateOptions,
  body: SimulationBody,
): Promise<readonly TestReport[]> {
  const reports: TestReport[] = [];
  const test = new SimulatedTest(
    {
      brokers: checkedBrokers(options.brokers),
      topics: options.topics ?? [],
      faults: checkedFaults(options.faults ?? []),
      faultEvery: options.faultEvery ?? "2s",
      faultLasts: options.faultLasts ?? "5s",
      limit: options.limit ?? "10m",
    },
    body,
  );
  for (const seed of seedsOf(options)) {
    const report = await test.run(seed);
    if (options.twice === true) assertSame(report, await test.run(seed));
    reports.push(report);
  }
  return reports;
}

function seedsOf({ runs = 1, seed }: SimulateOptions): readonly string[] {
  const replayed = process.env["ROPEWALK_SEED"] ?? "";
  if (replayed !== "") return [replayed];
  if (!Number.isInteger(runs) || runs < 1) {
    throw new TestingError("INVALID_OPTION", `Cannot simulate ${runs} runs: one at least`);
  }
  const base = String(seed ?? randomUUID().slice(0, 8));
  return runs === 1 ? [base] : Array.from({ length: runs }, (_, run) => `${base}/${run + 1}`);
}

function checkedFaults(faults: "all" | readonly Fault[]): readonly Fault[] {
  // A topic with fewer replicas than three could not bear that one of them is gone.
  if (faults === "all") return usualFaults.filter((kind) => !lossyFaults.includes(kind));
  const unknown = faults.find((fault) => !faultKinds.includes(fault));
  if (unknown === undefined) return faults;
  const message = `Cannot simulate the fault ${JSON.stringify(unknown)}: there are ${faultKinds.join(", ")}`;
  throw new TestingError("INVALID_OPTION", message);
}

function assertSame(first: TestReport, second: TestReport): void {
  if (first.fingerprint === second.fingerprint) return;
  const message = `two runs of it were not the same (${first.fingerprint}, ${second.fingerprint}): what it does depends on something that is not simulated, such as the network, files, or state that a run leaves behind`;
  const cause = new TestingError("NOT_DETERMINISTIC", message);
  throw new SimulationFailure(first.seed, cause, []);
}
