import { expect, test } from "vitest";
import { Prng } from "../../fakes/prng.ts";
import { SimulatedProcesses } from "../../fakes/simulated-processes.ts";

const groupCount = 1_000;
const electionTicks = 10;

function thousandGroups(nodeCount: number): SimulatedProcesses {
  const groups = Array.from({ length: groupCount }, (_, at) => {
    const voters = [0, 1, 2].map((step) => ((at + step) % nodeCount) + 1);
    voters.sort((left, right) => left - right);
    return { key: { groupId: at + 1, incarnation: 1 }, voters, learners: [] };
  });
  const random = new Prng(11);
  return new SimulatedProcesses({ nodeCount, groups, random, options: { electionTicks } });
}

/** Elections begun on the nodes that run. */
function electionsStarted(world: SimulatedProcesses): number {
  const counts = world.processes.map(({ multi }) => multi?.counters.electionsStarted ?? 0);
  return counts.reduce((total, count) => total + count, 0);
}

test("a thousand sleeping groups lose a node and are led again, with hardly more elections than needed", () => {
  const world = thousandGroups(5);
  world.roundsUntil("led", 100, () => world.isLed);
  world.roundsUntil("asleep", 100, () => world.isAsleep);
  const leaderlessCount = world.groups.filter(
    ({ key }) => world.leader(key.groupId)?.nodeId === 2,
  ).length;
  const termsBefore = world.groups.map(({ key }) => world.observer.ledTermCount(key.groupId));
  expect(leaderlessCount).toBeGreaterThan(100);

  world.process(2).crash(0);
  const before = electionsStarted(world);
  const taken = world.roundsUntil("led again", 2 * electionTicks, () => world.isLed);

  // Those who wait for their turn hear of the new leader, and let it pass.
  for (let round = 0; round < 2 * electionTicks; round++) world.round();

  expect(taken).toBeGreaterThanOrEqual(electionTicks);
  expect(electionsStarted(world) - before).toBeLessThanOrEqual(leaderlessCount * 1.2);
  world.groups.forEach(({ key }, at) => {
    const terms = world.observer.ledTermCount(key.groupId) - (termsBefore[at] ?? 0);
    expect(terms).toBeLessThanOrEqual(2);
  });
});

test("a node that comes back to a thousand groups causes no election of theirs", () => {
  const world = thousandGroups(3);
  world.roundsUntil("led", 100, () => world.isLed);
  world.process(3).crash(0);
  world.roundsUntil("led again", 3 * electionTicks, () => world.isLed);
  for (let round = 0; round < 20; round++) world.round();
  const terms = world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term);

  world.process(3).start();
  world.roundsUntil("asleep", 100, () => world.isAsleep && world.isConverged);

  expect(world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term)).toEqual(terms);
});
