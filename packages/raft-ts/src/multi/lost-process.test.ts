import { describe, expect, test } from "vitest";
import { lullToSleep, rounds, slowRound, threeNodes } from "../../fakes/three-nodes.ts";
import type { SimulatedProcesses } from "../../fakes/simulated-processes.ts";
import type { PeerBatch } from "./peer-batch.ts";

function electionsStarted({ processes }: SimulatedProcesses): number {
  return processes.reduce((total, { multi }) => total + (multi?.counters.electionsStarted ?? 0), 0);
}

/** The sign of life alone. */
function withoutItems(batch: PeerBatch): PeerBatch {
  const none = { heartbeats: [], lightHeartbeats: [], responses: [], lightResponses: [] };
  return { ...batch, ...none, wakes: [] };
}

describe("the death of a process", () => {
  test("wakes the groups it led, which are led again within two election timeouts", () => {
    const world = threeNodes(60);
    lullToSleep(world);
    const terms = world.groups.map(({ key }) => world.observer.ledTermCount(key.groupId));

    const orphans = world.groups.filter(({ key }) => world.leader(key.groupId)?.nodeId === 1);
    world.process(1).crash(0);
    const survivor = world.process(2);
    world.roundsUntil("noticed", 10, () => survivor.multi?.isPeerAlive(1) === false);
    for (const { key } of orphans) {
      expect(survivor.replicas.get(key.groupId)?.handle?.isAsleep).toBe(false);
    }
    const taken = world.roundsUntil("led again", 18, () => world.isLed);

    expect(taken).toBeGreaterThan(0);
    world.groups.forEach(({ key }, at) => {
      const elections = world.observer.ledTermCount(key.groupId) - (terms[at] ?? 0);
      expect(elections).toBeLessThanOrEqual(2);
    });
  });

  test("that is known to have ended has its groups led again long before its silence shows it", () => {
    const electionTicks = 20;
    const world = threeNodes(60, { electionTicks });
    lullToSleep(world);
    const elections = (): number =>
      world.processes.reduce(
        (total, { multi }) => total + (multi?.counters.electionsStarted ?? 0),
        0,
      );
    const orphanCount = world.groups.filter(
      ({ key }) => world.leader(key.groupId)?.nodeId === 1,
    ).length;
    world.process(1).crash(0);
    const before = elections();
    expect([2, 3].map((id) => world.process(id).multi?.peerEnded(1))).toEqual([true, true]);
    expect(world.process(2).multi?.peerEnded(1)).toBe(false);

    const taken = world.roundsUntil("led again", electionTicks / 2, () => world.isLed);

    expect(taken).toBeGreaterThan(0);
    rounds(world, 2 * electionTicks);
    expect(elections() - before).toBe(orphanCount);
  });

  test.each([1, 2, 4, 6, 10])(
    "needs one election for each of its groups, also where a write takes as long as %i ticks, and an election more than a turn",
    (flushTicks) => {
      const electionTicks = 20;
      const world = threeNodes(300, { electionTicks, heartbeatTicks: 3, electionsPerTickMax: 10 });
      world.roundsUntil("led", 300, () => world.isLed);
      rounds(world, electionTicks);
      const orphanCount = world.groups.filter(
        ({ key }) => world.leader(key.groupId)?.nodeId === 1,
      ).length;
      world.process(1).crash(0);
      const before = electionsStarted(world);
      for (const id of [2, 3]) world.process(id).multi?.peerEnded(1);

      let taken = 0;
      for (; !world.isLed && taken < 20 * electionTicks; taken++) {
        slowRound(world, taken % flushTicks === 0, taken % flushTicks > 2);
      }

      expect(orphanCount).toBeGreaterThan(50);
      expect(electionsStarted(world) - before).toBe(orphanCount);
      expect(taken).toBeLessThanOrEqual(2 * electionTicks);
    },
  );

  test("has the groups led again at once, too, in which somebody had asked for votes in vain before", () => {
    const electionTicks = 20;
    const world = threeNodes(60, { electionTicks, hibernateAfterTicks: 0 });
    world.roundsUntil("led", 100, () => world.isLed);
    for (const { key } of world.groups) world.leader(key.groupId)?.handle?.transferLeader(1);
    rounds(world, electionTicks);
    // The second hears the process of all leaders, and no word of them; the third does.
    world.fate = (packet) => {
      if (packet.from !== 1 || packet.to !== 2) return "delivered";
      if (packet.kind === "batch") world.process(2).multi?.receiveBatch(withoutItems(packet.batch));
      return "lost";
    };
    rounds(world, 3 * electionTicks);
    const doubters = world.groups.filter(
      ({ key }) => world.replicas(key.groupId)[1]?.handle?.role === "preCandidate",
    );
    expect(doubters.length).toBeGreaterThan(10);
    world.process(1).crash(0);
    for (const id of [2, 3]) world.process(id).multi?.peerEnded(1);

    world.roundsUntil("led again", electionTicks / 2, () => {
      return doubters.every(({ key }) => {
        const isSecondFirst = key.groupId % 2 === 0;
        return !isSecondFirst || world.leader(key.groupId)?.handle !== undefined;
      });
    });
  });

  test("that was reported by mistake to one node deposes no leader", () => {
    const electionTicks = 20;
    const world = threeNodes(60, { electionTicks });
    lullToSleep(world);
    const terms = world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term);

    expect(world.process(2).multi?.peerEnded(1)).toBe(true);

    expect(world.process(2).multi?.isPeerAlive(1)).toBe(false);
    rounds(world, 3 * electionTicks);
    expect(world.process(2).multi?.isPeerAlive(1)).toBe(true);
    expect(world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term)).toEqual(terms);
    world.roundsUntil("asleep", 80, () => world.isAsleep && world.isConverged);
  });

  test("is noticed by its epoch when it restarts faster than silence would tell", () => {
    const world = threeNodes(30);
    lullToSleep(world);

    world.process(2).crash(0);
    world.process(2).start();

    world.roundsUntil("led again", 24, () => world.isLed);
    world.roundsUntil("asleep", 80, () => world.isAsleep && world.isConverged);
  });

  test("of all processes ends with all groups led and asleep", () => {
    const world = threeNodes(100, { electionsPerTickMax: 20 });
    lullToSleep(world);
    for (const process of world.processes) process.crash(0);
    for (const process of world.processes) process.start();

    world.roundsUntil("led again", 40, () => world.isLed);
    world.roundsUntil("asleep", 80, () => world.isAsleep && world.isConverged);
  });
});
