import { expect, test } from "vitest";
import { SimulatedCluster } from "../fakes/simulated-cluster.ts";
import type { RunReport } from "../fakes/simulated-cluster.ts";

/*
 * RAFT_SIMULATION_SEED=n repeats one run; RAFT_SIMULATION_COUNT=n makes that many, from RAFT_SIMULATION_START on.
 */
const replaySeed = process.env["RAFT_SIMULATION_SEED"];
const runCount = Number(process.env["RAFT_SIMULATION_COUNT"] ?? 1_200);
const firstSeed = Number(process.env["RAFT_SIMULATION_START"] ?? 1);
const stepCount = 5_000;
const healedRoundsMax = 300;
/** Far beyond what a run takes, which is a few milliseconds: a busy machine decides nothing. */
const timeoutMs = 60_000 + runCount * 200;

function simulate(seed: number): RunReport {
  const cluster = new SimulatedCluster(seed);
  try {
    cluster.runFaults(stepCount);
    cluster.runHealed(healedRoundsMax);
  } catch (cause) {
    const command =
      `RAFT_SIMULATION_SEED=${seed} npx vitest run --config test/vitest.config.ts ` +
      "packages/raft-ts/src/simulation.test.ts";
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`seed ${seed}: ${problem}\n${cluster.describe()}\nreplay: ${command}`, {
      cause,
    });
  }
  return cluster.report();
}

test(
  "a group keeps every invariant through faults and makes progress after them",
  () => {
    const seeds =
      replaySeed === undefined
        ? Array.from({ length: runCount }, (_, position) => firstSeed + position)
        : [Number(replaySeed)];
    const totals = { committed: 0, reads: 0, crashes: 0, membershipChanges: 0, snapshots: 0 };
    for (const seed of seeds) {
      const report = simulate(seed);
      totals.committed += report.committed;
      totals.reads += report.reads;
      totals.crashes += report.crashes;
      totals.membershipChanges += report.membershipChanges;
      totals.snapshots += report.snapshots;
    }

    if (replaySeed !== undefined) return;
    // A simulation in which nothing happens proves nothing.
    expect(totals.committed / seeds.length).toBeGreaterThan(10);
    expect(totals.reads / seeds.length).toBeGreaterThan(0.5);
    expect(totals.crashes / seeds.length).toBeGreaterThan(2);
    expect(totals.membershipChanges / seeds.length).toBeGreaterThan(1);
    expect(totals.snapshots / seeds.length).toBeGreaterThan(0.5);
  },
  timeoutMs,
);
