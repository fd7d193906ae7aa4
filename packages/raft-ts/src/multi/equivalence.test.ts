import { expect, test } from "vitest";
import { Prng } from "../../fakes/prng.ts";
import type { MultiRaftOptions } from "./multi-config.ts";
import { SimulatedProcesses } from "../../fakes/simulated-processes.ts";

const groupCount = 8;
const nodeCount = 3;
const scheduleRounds = 250;

/** What every group applied on the schedule of `seed`: terms and data, entry by entry. */
function appliedLogs(
  seed: number,
  options: Partial<MultiRaftOptions>,
  disturb: (world: SimulatedProcesses, random: Prng) => void,
): readonly (readonly string[])[] {
  const groups = Array.from({ length: groupCount }, (_, at) => {
    return { key: { groupId: at + 1, incarnation: 1 }, voters: [1, 2, 3], learners: [] };
  });
  const world = new SimulatedProcesses({
    nodeCount,
    groups,
    // Whoever draws how often must not matter: every replica has its own numbers.
    random: new Prng(seed),
    replicaRandom: (groupId, nodeId) => new Prng(seed * 1_000 + groupId * 10 + nodeId).integer,
    options: { electionJitterTicks: 1, ...options },
  });
  const schedule = new Prng(seed + 1);
  for (let round = 0; round < scheduleRounds; round++) {
    disturb(world, schedule);
    for (const { key } of groups) {
      if (schedule.chance(0.1)) world.propose(world.leader(key.groupId));
    }
    world.round();
  }
  world.cut.clear();
  for (const process of world.processes) if (process.multi === undefined) process.start();
  world.roundsUntil("converged", 100, () => world.isConverged);
  return groups.map(({ key }) => world.observer.applied(key.groupId));
}

/** Crashes, restarts and cuts whole links, and lets a node fall out of step for a while. */
function faults(world: SimulatedProcesses, random: Prng): void {
  const process = random.pick(world.processes);
  const dice = random.integer(100);
  if (dice < 2) process.crash(0);
  else if (dice < 8 && process.multi === undefined) process.start();
  else if (dice < 10) {
    for (const other of world.processes) world.cut.add(`${process.id}>${other.id}`);
  } else if (dice < 16) world.cut.clear();
}

test("the same schedule gives the same logs whether heartbeats travel in batches or alone", () => {
  let entryCount = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const options = { hibernateAfterTicks: 0 };
    const batched = appliedLogs(seed, { ...options, coalesceHeartbeats: true }, faults);
    const alone = appliedLogs(seed, { ...options, coalesceHeartbeats: false }, faults);

    expect(batched, `seed ${seed}`).toEqual(alone);
    entryCount += batched.flat().length;
  }
  expect(entryCount / 40).toBeGreaterThan(groupCount * 10);
});

test("the same schedule gives the same logs whether idle groups hibernate or not", () => {
  const calm = (): void => undefined;
  for (let seed = 1; seed <= 20; seed++) {
    const sleepy = appliedLogs(seed, { hibernateAfterTicks: 2 }, calm);
    const restless = appliedLogs(seed, { hibernateAfterTicks: 0 }, calm);

    expect(sleepy, `seed ${seed}`).toEqual(restless);
  }
});
