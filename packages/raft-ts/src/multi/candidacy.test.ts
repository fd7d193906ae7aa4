import { describe, expect, test } from "vitest";
import { Prng } from "../../fakes/prng.ts";
import type { SimulatedGroup } from "../../fakes/simulated-replica.ts";
import { SimulatedProcesses, type SimulationSettings } from "../../fakes/simulated-processes.ts";
import { createMessage } from "../message.ts";
import type { MultiRaft } from "./multi-raft.ts";

const groupCount = 12;

function threeNodes(
  voters: readonly number[] = [1, 2, 3],
  options: SimulationSettings["options"] = {},
): SimulatedProcesses {
  const groups = Array.from({ length: groupCount }, (_, at): SimulatedGroup => {
    return { key: { groupId: at + 1, incarnation: 1 }, voters, learners: [] };
  });
  return new SimulatedProcesses({ nodeCount: 3, groups, random: new Prng(5), options });
}

function rounds(world: SimulatedProcesses, count: number): void {
  for (let round = 0; round < count; round++) world.round();
}

function multiOf(world: SimulatedProcesses, id: number): MultiRaft<unknown> {
  const { multi } = world.process(id);
  if (multi === undefined) throw new Error(`process ${id} is down`);
  return multi;
}

function ledBy(world: SimulatedProcesses, id: number): number {
  return world.groups.filter(({ key }) => world.leader(key.groupId)?.nodeId === id).length;
}

/** Gives all groups to process 1. */
function leadByFirst(world: SimulatedProcesses): void {
  world.roundsUntil("led", 60, () => world.isLed);
  for (const { key } of world.groups) world.leader(key.groupId)?.handle?.transferLeader(1);
  world.roundsUntil("led by 1", 60, () => world.isLed && ledBy(world, 1) === groupCount);
}

describe.each(["awake", "asleep"])("a node that leads groups which are %s", (wakefulness) => {
  function setUp(): SimulatedProcesses {
    const world = threeNodes();
    leadByFirst(world);
    if (wakefulness === "asleep") world.roundsUntil("asleep", 120, () => world.isAsleep);
    return world;
  }

  test.each(["barred", "reluctant"] as const)(
    "gives them up at once when it is %s, and the others elect well before an election timeout",
    (candidacy) => {
      const world = setUp();

      multiOf(world, 1).setCandidacy(candidacy);
      expect(world.replicas(1)[0]?.handle?.role).toBe("follower");

      world.roundsUntil("led by others", 15, () => world.isLed && ledBy(world, 1) === 0);
      rounds(world, 100);
      expect(ledBy(world, 1)).toBe(0);
    },
  );

  test("wins nothing back while it is barred, not even groups that nobody leads", () => {
    const world = setUp();
    multiOf(world, 1).setCandidacy("barred");
    world.process(2).crash(0);
    world.roundsUntil("led by 3", 60, () => ledBy(world, 3) === groupCount);
    world.process(3).crash(0);

    rounds(world, 200);
    expect(world.replicas(1).map(({ handle }) => handle?.role)).toEqual([
      "follower",
      undefined,
      undefined,
    ]);
  });
});

test("a barred node is not handed leadership", () => {
  const world = threeNodes();
  leadByFirst(world);
  const barred = multiOf(world, 2);
  barred.setCandidacy("barred");
  const term = world.leader(1)?.handle?.term ?? 0;

  const message = createMessage("MsgTimeoutNow", 2);
  message.from = 1;
  message.term = term;
  expect(barred.receive({ groupId: 1, incarnation: 1 }, message)).toBe("done");
  rounds(world, 30);

  expect(world.leader(1)?.nodeId).toBe(1);
  expect(world.leader(1)?.handle?.term).toBe(term);
});

test("a reluctant node leads what nobody else leads for long, and a barred one never does", () => {
  const world = threeNodes();
  leadByFirst(world);
  for (const id of [1, 2]) multiOf(world, id).setCandidacy("reluctant");
  multiOf(world, 3).setCandidacy("barred");

  rounds(world, 18);
  expect(world.groups.some(({ key }) => world.leader(key.groupId) !== undefined)).toBe(false);

  world.roundsUntil("led by the reluctant", 120, () => world.isLed);
  expect(ledBy(world, 3)).toBe(0);
});

test("a node that is handed leadership soon after it gave it up is not deposed by what it had said before", () => {
  const world = threeNodes([1, 2, 3], { peerTimeoutTicks: 40 });
  leadByFirst(world);
  multiOf(world, 1).setCandidacy("barred");
  world.roundsUntil("led by others", 15, () => world.isLed && ledBy(world, 1) === 0);
  multiOf(world, 1).setCandidacy("willing");
  for (const { key } of world.groups) world.leader(key.groupId)?.handle?.transferLeader(1);
  // As long as it repeats that it leads them no more.
  world.roundsUntil("led by 1", 5, () => ledBy(world, 1) === groupCount);
  const terms = world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term);
  rounds(world, 60);
  expect(world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term)).toEqual(terms);
});

test("a node that is willing again campaigns, and what it had said before does not depose it", () => {
  const world = threeNodes();
  leadByFirst(world);
  multiOf(world, 1).setCandidacy("barred");
  world.process(2).crash(0);
  // Before the others have heard all farewells.
  rounds(world, 2);
  multiOf(world, 1).setCandidacy("willing");
  for (const { handle } of world.replicas(1)) handle?.campaign();

  world.roundsUntil("led", 60, () => world.isLed);
  const terms = world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term);
  rounds(world, 60);
  expect(world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term)).toEqual(terms);
});

test("a group's only voter leads it, barred or not", () => {
  const world = threeNodes([1]);
  world.roundsUntil("led", 60, () => ledBy(world, 1) === groupCount);
  multiOf(world, 1).setCandidacy("barred");
  rounds(world, 30);
  expect(ledBy(world, 1)).toBe(groupCount);

  world.process(1).crash(0);
  world.process(1).start();
  multiOf(world, 1).setCandidacy("barred");
  world.roundsUntil("led again", 60, () => ledBy(world, 1) === groupCount);
});

describe.each(["awake", "asleep"])("a leader whose groups are %s", (wakefulness) => {
  /** A broker's election timeout is 20 ticks of 50 ms, which is 5 s for five of them. */
  const fiveTimeoutsTicks = 30;

  function setUp(): SimulatedProcesses {
    const world = threeNodes();
    leadByFirst(world);
    if (wakefulness === "asleep") world.roundsUntil("asleep", 120, () => world.isAsleep);
    return world;
  }

  test.each([
    ["can send but not receive", [2, 3].map((id) => `${id}>1`)],
    ["can receive but not send", [2, 3].map((id) => `1>${id}`)],
  ])("and which %s knows soon that it leads no more, and does not win it back", (_, cut) => {
    const world = setUp();
    for (const direction of cut) world.cut.add(direction);

    world.roundsUntil("given up", fiveTimeoutsTicks, () =>
      world.groups.every(({ key }) => world.replicas(key.groupId)[0]?.handle?.role !== "leader"),
    );
    world.roundsUntil("led by others", fiveTimeoutsTicks, () => {
      return world.groups.every(({ key }) =>
        [2, 3].includes(world.leader(key.groupId)?.nodeId ?? 0),
      );
    });
    const terms = world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term);
    rounds(world, 200);
    expect(world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term)).toEqual(terms);

    world.cut.clear();
    world.roundsUntil("led and followed by all", 60, () => world.isLed);
    expect(world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term)).toEqual(terms);
  });
});
