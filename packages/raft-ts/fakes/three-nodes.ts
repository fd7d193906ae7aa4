import { Prng } from "./prng.ts";
import { SimulatedProcesses, type SimulationSettings } from "./simulated-processes.ts";
import type { SimulatedGroup } from "./simulated-replica.ts";

/** Three processes with so many groups, each of which votes on all of them. */
export function threeNodes(
  groupCount: number,
  options: SimulationSettings["options"] = {},
): SimulatedProcesses {
  const groups = Array.from({ length: groupCount }, (_, at): SimulatedGroup => {
    return { key: { groupId: at + 1, incarnation: 1 }, voters: [1, 2, 3], learners: [] };
  });
  return new SimulatedProcesses({ nodeCount: 3, groups, random: new Prng(7), options });
}

/** Lets every group elect, and then fall asleep. */
export function lullToSleep(world: SimulatedProcesses): void {
  world.roundsUntil("led", 60, () => world.isLed);
  world.roundsUntil("asleep", 80, () => world.isAsleep && world.isConverged);
}

/** A counter of all processes together. */
export function sum(world: SimulatedProcesses, counter: "groupTicks" | "visits"): number {
  return world.processes.reduce((total, { multi }) => total + (multi?.counters[counter] ?? 0), 0);
}

/** One tick where every message takes one, and what is written becomes durable only if `isFlushed`. */
export function slowRound(
  world: SimulatedProcesses,
  isFlushed: boolean,
  isDiskBehind: boolean = false,
): void {
  for (const { multi } of world.processes) multi?.tick(1, isDiskBehind);
  const packets = world.packets;
  world.packets = [];
  for (const packet of packets) world.deliver(packet);
  for (const process of world.processes) {
    if (process.multi?.hasWork === true) process.pass();
    while (isFlushed && process.writes.length > 0) process.finishWrite();
    world.check(process);
  }
}

/** Lets so many rounds pass. */
export function rounds(world: SimulatedProcesses, count: number): void {
  for (let round = 0; round < count; round++) world.round();
}
