import { describe, expect, test } from "vitest";
import { lullToSleep, rounds, slowRound, threeNodes } from "../../fakes/three-nodes.ts";
import { Prng } from "../../fakes/prng.ts";
import { SimulatedProcesses } from "../../fakes/simulated-processes.ts";
import { EMPTY_CONF_STATE } from "../conf-state.ts";
import { MemoryStorage } from "../memory-storage.ts";
import { createMessage } from "../message.ts";
import { MultiRaft } from "./multi-raft.ts";

describe("a pass", () => {
  test("visits no more groups than it may, and later ones all others in turn", () => {
    const world = threeNodes(100, { visitsPerPassMax: 7 });
    lullToSleep(world);
    const { multi } = world.process(1);
    const before = multi?.counters.visits ?? 0;
    for (const { handle } of world.process(1).replicas.values()) handle?.wake();
    const visits: number[] = [];
    while (multi?.hasWork === true) {
      world.process(1).pass();
      visits.push(multi.counters.visits);
    }
    expect(visits).toEqual(
      Array.from({ length: 15 }, (_, at) => before + Math.min(100, 7 * (at + 1))),
    );
    world.roundsUntil("asleep", 80, () => world.isAsleep && world.isConverged);
  });

  test("that leaves groups waiting lets no time pass for any group, and the peers hear of the node all the same", () => {
    const world = threeNodes(100, { visitsPerPassMax: 7, hibernateAfterTicks: 0 });
    world.roundsUntil("led", 60, () => world.isLed);
    const { multi } = world.process(1);
    if (multi === undefined) throw new Error("it runs");
    const batches = (): number => world.packets.filter(({ kind }) => kind === "batch").length;
    for (const { handle } of world.process(1).replicas.values()) handle?.wake();
    multi.tick();
    world.process(1).pass();
    world.packets = [];
    const { groupTicks, ticksDropped } = multi.counters;
    for (let ticks = 1; ticks <= 3; ticks++) {
      multi.tick();
      world.process(1).pass();
      expect(multi.counters).toMatchObject({ groupTicks, ticksDropped: ticksDropped + ticks });
      expect(batches()).toBeGreaterThanOrEqual(2 * ticks);
    }
    while (multi.hasWork) world.process(1).pass();
    multi.tick();
    expect(multi.counters.groupTicks).toBe(groupTicks + 100);
  });

  test("gives a sign of life at once, and the heartbeats of groups that wait follow pass by pass", () => {
    const world = threeNodes(100, { visitsPerPassMax: 7, hibernateAfterTicks: 0 });
    world.roundsUntil("led", 60, () => world.isLed);
    rounds(world, 5);
    const led = world.groups.filter(({ key }) => world.leader(key.groupId)?.nodeId === 1).length;
    const sizes: number[] = [];
    world.fate = (packet) => {
      if (packet.kind === "batch" && packet.from === 1 && packet.to === 2) {
        sizes.push(packet.batch.heartbeats.length + packet.batch.lightHeartbeats.length);
      }
      return "delivered";
    };
    world.round();
    expect(led).toBeGreaterThan(20);
    expect(sizes.reduce((total, size) => total + size, 0)).toBe(led);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(7);
    expect(world.isLed).toBe(true);
  });
});

test("MultiRaft.remove() of a leader's replica wakes its followers, who elect another", () => {
  const world = threeNodes(5);
  lullToSleep(world);
  const leader = world.leader(3);
  const process = world.process(leader?.nodeId ?? 0);

  process.multi?.remove({ groupId: 3, incarnation: 1 });
  if (leader !== undefined) leader.handle = undefined;

  world.roundsUntil("led again", 30, () => world.isLed);
  expect(world.leader(3)?.nodeId).not.toBe(process.id);
});

test("MultiRaft.receive() and receiveBatch() keep incarnations apart", () => {
  const multi = new MultiRaft<string>({ nodeId: 1, epoch: 1, random: () => 0 });
  const storage = new MemoryStorage({ ...EMPTY_CONF_STATE, voters: [1, 2, 3] });
  const group = multi.add({ groupId: 5, incarnation: 2 }, { storage }, "second");
  const late = { groupId: 5, incarnation: 1 };
  const message = { ...createMessage("MsgHeartbeat", 1), from: 2, term: 9 };
  const full = { group: late, term: 9, commit: 0, context: 0, sleep: false };
  const answer = { group: late, term: 9, commit: 0, context: 0, asleep: false };

  expect(multi.receive(late, message)).toBe("otherIncarnation");
  expect(multi.receive({ groupId: 6, incarnation: 2 }, message)).toBe("unknownGroup");
  multi.receiveBatch({
    from: 2,
    to: 1,
    epoch: 1,
    sequence: 1,
    heartbeats: [full],
    lightHeartbeats: [late],
    responses: [answer],
    lightResponses: [late],
    wakes: [late],
  });

  expect(multi.counters.itemsUnknownGroup).toBe(4);
  expect(group.term).toBe(0);
  expect(multi.receive({ groupId: 5, incarnation: 2 }, message)).toBe("done");
  expect(group.term).toBe(9);
});

test("MultiRaft.peerReplaced() makes the batches count of a process that was started as often as the one it replaces", () => {
  const multi = new MultiRaft<string>({ nodeId: 1, epoch: 1, random: () => 0 });
  const storage = new MemoryStorage({ ...EMPTY_CONF_STATE, voters: [1, 2, 3] });
  const group = multi.add({ groupId: 5, incarnation: 2 }, { storage }, "metadata");
  const beat = (sequence: number, term: number): void =>
    multi.receiveBatch({
      from: 2,
      to: 1,
      epoch: 1,
      sequence,
      heartbeats: [{ group: group.key, term, commit: 0, context: 0, sleep: false }],
      lightHeartbeats: [],
      responses: [],
      lightResponses: [],
      wakes: [],
    });
  beat(900, 3);
  expect(group.leaderId).toBe(2);
  beat(1, 4);
  expect([group.term, multi.counters.batchesStale]).toEqual([3, 1]);

  multi.peerReplaced(2);

  // What went by that name leads no more; what goes by it now is heard.
  expect(group.leaderId).toBe(0);
  beat(1, 4);
  expect([group.term, multi.counters.batchesStale]).toEqual([4, 1]);
});

test("MultiRaft.peerReplaced() has leaders forget what the node acknowledged that went by that name", () => {
  const world = threeNodes(1);
  lullToSleep(world);
  const leader = world.leader(1);
  const matches = (): (readonly [number, boolean])[] => {
    const { progress = [] } = leader?.handle?.status() ?? {};
    return progress.map(({ id, match }) => [id, match > 0] as const);
  };
  expect(matches()).toEqual([1, 2, 3].map((id) => [id, true]));
  const lostId = ((leader?.nodeId ?? 0) % 3) + 1;

  world.process(leader?.nodeId ?? 0).multi?.peerReplaced(lostId);

  expect(matches()).toEqual([1, 2, 3].map((id) => [id, id !== lostId]));
});

test("MultiRaft.forgetPeer() does not make a process deaf that hears this one again", () => {
  const world = threeNodes(3, { hibernateAfterTicks: 0 });
  world.roundsUntil("led", 60, () => world.isLed);
  rounds(world, 40);
  const listener = world.process(2).multi;
  const before = listener?.counters.batchesStale;

  world.process(1).multi?.forgetPeer(2);
  rounds(world, 30);

  expect(listener?.counters.batchesStale).toBe(before);
  expect(listener?.isPeerAlive(1)).toBe(true);
  expect(world.isLed).toBe(true);
});

test("MultiRaft.tick() counts several elapsed ticks as one and reports the others as dropped", () => {
  const world = threeNodes(1);
  world.roundsUntil("led", 60, () => world.isLed);
  const term = world.leader(1)?.handle?.term;
  rounds(world, 2);

  for (const { multi } of world.processes) multi?.tick(1_000);
  rounds(world, 20);

  expect(world.leader(1)?.handle?.term).toBe(term);
  expect(world.process(1).multi?.counters.ticksDropped).toBe(999);
});

test("a leader that its quorum check deposed waits a whole election timeout before it campaigns", () => {
  const world = threeNodes(1, { peerTimeoutTicks: 100, hibernateAfterTicks: 0 });
  world.roundsUntil("led", 60, () => world.isLed);
  rounds(world, 40);
  const leader = world.leader(1);
  const { multi } = world.process(leader?.nodeId ?? 0);
  for (const { id } of world.processes) world.cut.add(`${id}>${leader?.nodeId ?? 0}`);
  world.roundsUntil("deposed", 20, () => leader?.handle?.role === "follower");
  const before = multi?.counters.electionsStarted;

  rounds(world, 4);

  expect(multi?.counters.electionsStarted).toBe(before);
});

test("MultiRaft starts no more elections per tick than admitted", () => {
  const world = threeNodes(300, { electionsPerTickMax: 7 });
  let questions = [0, 0, 0];
  world.fate = (packet) => {
    const isQuestion = packet.kind === "message" && packet.message.type === "MsgPreVote";
    if (isQuestion) questions[packet.from - 1] = (questions[packet.from - 1] ?? 0) + 1;
    return "delivered";
  };
  const taken = world.roundsUntil("led", 200, () => {
    // Every election asks two others.
    for (const count of questions) expect(count).toBeLessThanOrEqual(2 * 7);
    questions = [0, 0, 0];
    return world.isLed;
  });
  expect(taken).toBeGreaterThan(300 / 3 / 7);
});

test("MultiRaft elects on disks that take longer than any election timeout, whose owner says so", () => {
  const electionTicks = 6;
  const flushTicks = 5 * electionTicks;
  const world = threeNodes(30, { electionTicks });
  const roundsUntilLed = 20 * flushTicks;
  let round = 0;
  while (!world.isLed && round < roundsUntilLed) {
    round++;
    const isBehind = round % flushTicks > 2;
    slowRound(world, round % flushTicks === 0, isBehind);
  }
  expect(world.isLed).toBe(true);
  const elections = world.processes.map(({ multi }) => multi?.counters.electionsStarted ?? 0);
  expect(elections.reduce((total, count) => total + count, 0)).toBeLessThanOrEqual(5 * 30);
});

/** From now on the processes hear each other, and no word of any leader. */
function silenceLeaders(world: SimulatedProcesses): void {
  world.fate = (packet) => {
    if (packet.kind !== "batch") return "lost";
    const { from, to } = packet;
    const { epoch, sequence } = packet.batch;
    const empty = {
      heartbeats: [],
      lightHeartbeats: [],
      responses: [],
      lightResponses: [],
      wakes: [],
    };
    world.process(to).multi?.receiveBatch({ from, to, epoch, sequence, ...empty });
    return "lost";
  };
}

/** Expects that process 1 begins elections all the time, and no more than so many in a round. */
function expectFewElections(world: SimulatedProcesses, perRoundMax: number): void {
  const { counters } = world.process(1).multi ?? expect.fail("it runs");
  const first = counters.electionsStarted;
  rounds(world, 40);
  for (let round = 0; round < 20; round++) {
    const before = counters.electionsStarted;
    world.round();
    expect(counters.electionsStarted - before).toBeLessThanOrEqual(perRoundMax);
  }
  expect(counters.electionsStarted - first).toBeGreaterThan(12.5 * perRoundMax);
}

const slowElections = { electionTicks: 20, electionsPerTickMax: 64, hibernateAfterTicks: 0 };

test("MultiRaft begins few elections where everybody is alive and only heartbeats are missing", () => {
  const world = threeNodes(400, slowElections);
  world.roundsUntil("led", 200, () => world.isLed);
  silenceLeaders(world);
  expectFewElections(world, 8);
});

test("MultiRaft begins few elections where the leaders' processes are alive, though another one is not", () => {
  const groups = Array.from({ length: 400 }, (_, at) => ({
    key: { groupId: at + 1, incarnation: 1 },
    voters: at === 0 ? [1, 2, 3, 4] : [1, 2, 3],
    learners: [],
  }));
  const random = new Prng(7);
  const options = { ...slowElections, electionsPerTickMax: 16 };
  const world = new SimulatedProcesses({ nodeCount: 4, groups, random, options });
  world.roundsUntil("led", 200, () => world.isLed);
  for (const { key } of groups) world.leader(key.groupId)?.handle?.transferLeader(2);
  rounds(world, 20);
  world.process(4).crash(0);
  rounds(world, 60);
  expect(world.process(1).multi?.isPeerAlive(4)).toBe(false);
  silenceLeaders(world);
  expectFewElections(world, 2);
});
