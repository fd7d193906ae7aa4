import { describe, expect, test } from "vitest";
import { Prng } from "../../fakes/prng.ts";
import type { SimulatedGroup } from "../../fakes/simulated-replica.ts";
import { SimulatedProcesses } from "../../fakes/simulated-processes.ts";

const groupCount = 12;
const voters = [1, 2, 3];
/** Five election timeouts of the simulation: with 20 ticks of 50 ms, as brokers have them, 5 s. */
const roundsMax = 30;

function threeNodes(seed: number): SimulatedProcesses {
  const groups = Array.from({ length: groupCount }, (_, at): SimulatedGroup => {
    return { key: { groupId: at + 1, incarnation: 1 }, voters, learners: [] };
  });
  return new SimulatedProcesses({ nodeCount: 3, groups, random: new Prng(seed) });
}

function ledBy(world: SimulatedProcesses, id: number): number {
  return world.groups.filter(({ key }) => world.leader(key.groupId)?.nodeId === id).length;
}

function isLedByOthers(world: SimulatedProcesses): boolean {
  return ledBy(world, 2) + ledBy(world, 3) === groupCount;
}

function leadsStill(world: SimulatedProcesses, id: number): number {
  return world
    .replicas(1)
    .filter(({ handle, nodeId }) => nodeId === id && handle?.role === "leader").length;
}

function terms(world: SimulatedProcesses): number[] {
  return world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term ?? 0);
}

/** Gives all groups to node 1, and waits until they sleep where that is asked for. */
function ledByFirst(seed: number, wakefulness: string): SimulatedProcesses {
  const world = threeNodes(seed);
  world.roundsUntil("led", 60, () => world.isLed);
  for (const { key } of world.groups) world.leader(key.groupId)?.handle?.transferLeader(1);
  world.roundsUntil("led by 1", 60, () => world.isLed && ledBy(world, 1) === groupCount);
  if (wakefulness === "asleep") world.roundsUntil("asleep", 160, () => world.isAsleep);
  return world;
}

/** Nothing that `from` sends arrives. */
function silence(world: SimulatedProcesses, from: number): void {
  for (const to of voters) world.cut.add(`${from}>${to}`);
}

/** Nothing that is sent to `to` arrives. */
function deafen(world: SimulatedProcesses, to: number): void {
  for (const from of voters) world.cut.add(`${from}>${to}`);
}

describe.each(["awake", "asleep"])("MultiRaft with groups that are %s", (wakefulness) => {
  test.each([1, 2, 3, 4, 5])(
    "has a leader that can send but not receive give up, and others lead (seed %i)",
    (seed) => {
      const world = ledByFirst(seed, wakefulness);
      deafen(world, 1);
      world.roundsUntil("led by others", roundsMax, () => isLedByOthers(world));
      expect(leadsStill(world, 1)).toBe(0);
    },
  );

  test.each([1, 2, 3, 4, 5])(
    "has a leader that can receive but not send be replaced, and give up (seed %i)",
    (seed) => {
      const world = ledByFirst(seed, wakefulness);
      silence(world, 1);
      world.roundsUntil("led by others", roundsMax, () => isLedByOthers(world));
      world.roundsUntil("given up", roundsMax, () => leadsStill(world, 1) === 0);
    },
  );

  test.each([
    ["send but not receive", deafen],
    ["receive but not send", silence],
  ] as const)("is not disturbed by a follower that can %s, nor by its return", (_, cut) => {
    const world = ledByFirst(7, wakefulness);
    const before = terms(world);
    cut(world, 3);
    for (let round = 0; round < 200; round++) world.round();
    expect(terms(world)).toEqual(before);
    world.cut.clear();
    world.roundsUntil("one cluster again", roundsMax, () => world.isLed);
    for (let round = 0; round < 100; round++) world.round();
    expect(ledBy(world, 1)).toBe(groupCount);
  });
});
