import { describe, expect, test } from "vitest";
import { Prng } from "../../fakes/prng.ts";
import { EMPTY_CONF_STATE } from "../conf-state.ts";
import { MemoryStorage } from "../memory-storage.ts";
import { createMessage } from "../message.ts";
import { Group } from "./group.ts";
import { MultiRaft } from "./multi-raft.ts";
import type { SimulatedGroup } from "../../fakes/simulated-replica.ts";
import { SimulatedProcesses } from "../../fakes/simulated-processes.ts";
import type { SimulationSettings } from "../../fakes/simulated-processes.ts";

function threeNodes(
  groupCount: number,
  options: SimulationSettings["options"] = {},
): SimulatedProcesses {
  const groups = Array.from({ length: groupCount }, (_, at): SimulatedGroup => {
    return { key: { groupId: at + 1, incarnation: 1 }, voters: [1, 2, 3], learners: [] };
  });
  return new SimulatedProcesses({ nodeCount: 3, groups, random: new Prng(7), options });
}

/** Lets every group elect, and then fall asleep. */
function lullToSleep(world: SimulatedProcesses): void {
  world.roundsUntil("led", 60, () => world.isLed);
  world.roundsUntil("asleep", 80, () => world.isAsleep && world.isConverged);
}

function sum(world: SimulatedProcesses, counter: "groupTicks" | "visits"): number {
  return world.processes.reduce((total, { multi }) => total + (multi?.counters[counter] ?? 0), 0);
}

function rounds(world: SimulatedProcesses, count: number): void {
  for (let round = 0; round < count; round++) world.round();
}

describe("a hibernating group", () => {
  test("costs no tick, no visit and no item of a batch", () => {
    const world = threeNodes(100);
    lullToSleep(world);
    const before = {
      ticks: sum(world, "groupTicks"),
      visits: sum(world, "visits"),
      ...world.counts,
    };

    rounds(world, 50);

    expect(sum(world, "groupTicks")).toBe(before.ticks);
    expect(sum(world, "visits")).toBe(before.visits);
    expect(world.counts.items).toBe(before.items);
    expect(world.counts.messages).toBe(before.messages);
    // Six directions, one batch each per interval.
    expect(world.counts.batches - before.batches).toBe(6 * 50);
    expect(world.isLed).toBe(true);
  });

  test("sleeps soon after its leader, who wanted to let it, has heard of everybody again", () => {
    const electionTicks = 20;
    const hibernateAfterTicks = 5 * electionTicks;
    const world = threeNodes(1, { electionTicks, hibernateAfterTicks });
    world.roundsUntil("led", 100, () => world.isLed);
    const leaderId = world.leader(1)?.nodeId ?? 0;
    const link = `${(leaderId % 3) + 1}>${leaderId}`;
    // The leader looks whether it may sleep a few ticks after a quorum check, over which nothing of a follower arrives.
    rounds(world, 5);
    expect(world.propose(world.leader(1))).toBe(true);
    rounds(world, hibernateAfterTicks - 7);
    world.cut.add(link);
    rounds(world, 12);
    world.cut.delete(link);
    expect(world.isAsleep).toBe(false);
    world.roundsUntil("asleep", 2 * electionTicks, () => world.isAsleep);
  });

  test("wakes alone on a proposal, commits it, and sleeps again", () => {
    const world = threeNodes(20);
    lullToSleep(world);
    const term = world.leader(5)?.handle?.term;

    expect(world.propose(world.leader(5))).toBe(true);
    world.round();

    expect(world.replicas(5).map(({ handle }) => handle?.isAsleep)).toEqual([false, false, false]);
    expect(world.processes.map(({ multi }) => multi?.awakeCount)).toEqual([1, 1, 1]);
    world.roundsUntil("asleep", 80, () => world.isAsleep && world.isConverged);
    expect(world.leader(5)?.handle?.term).toBe(term);
    expect(world.observer.applied(5)).toHaveLength(2);
  });

  test("answers a read of a follower", () => {
    const world = threeNodes(3);
    lullToSleep(world);
    const follower = world.replicas(2).find(({ handle }) => handle?.role === "follower");

    world.observer.readAsked(41, 2);
    follower?.handle?.readIndex(41);
    world.round();

    expect(world.observer.readsAnswered).toBe(1);
  });

  test("keeps its leader when a follower is woken for nothing", () => {
    const world = threeNodes(3);
    lullToSleep(world);
    const term = world.leader(2)?.handle?.term;
    const follower = world.replicas(2).find(({ handle }) => handle?.role === "follower");

    follower?.handle?.wake();
    world.round();

    expect(world.leader(2)?.handle?.isAsleep).toBe(false);
    world.roundsUntil("asleep", 80, () => world.isAsleep);
    expect(world.leader(2)?.handle?.term).toBe(term);
  });

  test("does not depose its leader at wake-up by the quorum check", () => {
    const world = threeNodes(30);
    lullToSleep(world);
    rounds(world, 200);
    const terms = world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term);

    for (const { key } of world.groups) world.leader(key.groupId)?.handle?.wake();
    rounds(world, 30);

    expect(world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term)).toEqual(terms);
  });

  test("sleeps without a member whose process is known to have ended, and brings a new one up to date", () => {
    const world = threeNodes(30);
    lullToSleep(world);
    world.process(3).crash(0);
    for (const id of [1, 2]) world.process(id).multi?.peerEnded(3);
    world.roundsUntil("led again", 60, () => world.isLed);
    for (const { key } of world.groups) expect(world.propose(world.leader(key.groupId))).toBe(true);
    world.roundsUntil("asleep", 80, () => world.isAsleep);
    const before = { ...world.counts };
    rounds(world, 50);
    expect(world.counts.items).toBe(before.items);
    expect(world.counts.messages).toBe(before.messages);
    const terms = world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term);

    world.process(3).start();

    world.roundsUntil("all up to date", 80, () => world.isAsleep && world.isConverged);
    expect(world.groups.map(({ key }) => world.leader(key.groupId)?.handle?.term)).toEqual(terms);
  });

  test("wakes for a member that was taken for gone by mistake, as soon as it is heard", () => {
    const world = threeNodes(30);
    lullToSleep(world);
    const links = ["3>1", "3>2", "1>3", "2>3"];
    for (const link of links) world.cut.add(link);
    for (const id of [1, 2]) world.process(id).multi?.peerEnded(3);
    world.roundsUntil("led again", 60, () =>
      world.groups.every(({ key }) => world.leader(key.groupId)?.nodeId !== 3 || world.isLed),
    );
    rounds(world, 60);
    const led = world.groups.filter(({ key }) => world.leader(key.groupId)?.nodeId === 1);
    for (const { key } of led) expect(world.propose(world.leader(key.groupId))).toBe(true);
    rounds(world, 60);
    expect(world.process(1).multi?.awakeCount).toBe(0);

    for (const link of links) world.cut.delete(link);

    world.roundsUntil("all up to date", 80, () => world.isAsleep && world.isConverged);
  });

  test("does not sleep where the processes of a majority have ended", () => {
    const world = threeNodes(5);
    lullToSleep(world);
    for (const id of [2, 3]) {
      world.process(id).crash(0);
      world.process(1).multi?.peerEnded(id);
    }
    rounds(world, 100);
    expect(world.process(1).multi?.awakeCount).toBe(5);
    expect(world.groups.every(({ key }) => world.leader(key.groupId) === undefined)).toBe(true);
  });

  test("does not fall asleep while a member is down, nor with a leader that cannot reach it", () => {
    const world = threeNodes(3);
    world.roundsUntil("led", 60, () => world.isLed);
    world.process(3).crash(0);
    world.roundsUntil("led again", 60, () => world.isLed);

    rounds(world, 100);

    expect(world.leader(1)?.handle?.isAsleep).toBe(false);
  });
});

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

test("MultiRaft begins few elections where everybody is alive and only heartbeats are missing", () => {
  const world = threeNodes(400, {
    electionTicks: 20,
    electionsPerTickMax: 64,
    hibernateAfterTicks: 0,
  });
  world.roundsUntil("led", 200, () => world.isLed);
  // The processes hear each other, and no word of any leader.
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
  const { counters } = world.process(1).multi ?? expect.fail("it runs");
  rounds(world, 40);
  for (let round = 0; round < 20; round++) {
    const before = counters.electionsStarted;
    world.round();
    expect(counters.electionsStarted - before).toBeLessThanOrEqual(8);
  }
  expect(counters.electionsStarted).toBeGreaterThan(100);
});

describe("a sleeping group whose network fails", () => {
  test("is led by one of the two that still hear each other", () => {
    const world = threeNodes(10);
    lullToSleep(world);
    const lonely = world.leader(1)?.nodeId ?? 0;
    for (const { id } of world.processes) world.cut.add(`${lonely}>${id}`).add(`${id}>${lonely}`);

    world.roundsUntil("led by another", 24, () => world.leader(1)?.nodeId !== lonely);
    rounds(world, 20);
    // The lonely one did not sleep through it: it knows that it leads no more.
    const old = world.replicas(1).find(({ nodeId }) => nodeId === lonely);
    expect(old?.handle?.role).not.toBe("leader");

    world.cut.clear();
    world.roundsUntil("asleep", 120, () => world.isAsleep && world.isConverged);
  });

  test("finds a leader that is heard when nobody hears the old one", () => {
    const world = threeNodes(10);
    lullToSleep(world);
    const mute = world.leader(1)?.nodeId ?? 0;
    for (const { id } of world.processes) world.cut.add(`${mute}>${id}`);

    world.roundsUntil("led by another", 60, () => world.leader(1)?.nodeId !== mute);

    world.cut.clear();
    world.roundsUntil("asleep", 120, () => world.isAsleep && world.isConverged);
  });

  test("sleeps on with the same leader while a third of all packets is lost", () => {
    const world = threeNodes(10, { peerTimeoutTicks: 12 });
    lullToSleep(world);
    const random = new Prng(3);
    world.fate = () => (random.chance(0.3) ? "lost" : "delivered");
    const before = sum(world, "groupTicks");

    rounds(world, 500);

    expect(sum(world, "groupTicks")).toBe(before);
    expect(world.isLed).toBe(true);
  });

  test("is led again for a learner that alone took the leader for dead", () => {
    const group = { key: { groupId: 1, incarnation: 1 }, voters: [1], learners: [2] };
    const random = new Prng(8);
    const world = new SimulatedProcesses({ nodeCount: 2, groups: [group], random });
    lullToSleep(world);
    world.cut.add("1>2");
    rounds(world, 30);
    expect(world.replicas(1)[1]?.handle?.leaderId).toBe(0);

    world.cut.clear();
    world.roundsUntil("asleep", 120, () => world.isLed && world.isAsleep);
  });

  test("does not fall asleep while one member's acceptance is on its way", () => {
    const world = threeNodes(1, { hibernateAfterTicks: 5 });
    world.roundsUntil("led", 60, () => world.isLed);
    const leader = world.leader(1);
    const slowId = ((leader?.nodeId ?? 0) % 3) + 1;
    let lostCount = 0;
    world.fate = (packet) => {
      const accepts =
        packet.kind === "batch" && packet.batch.responses.some(({ asleep }) => asleep);
      if (!accepts || packet.from !== slowId || lostCount >= 2) return "delivered";
      lostCount++;
      expect(leader?.handle?.isAsleep).toBe(false);
      return "lost";
    };
    world.roundsUntil("asleep", 60, () => world.isAsleep);
    expect(lostCount).toBe(2);
  });

  test("is wholly awake again when its leader gives up waiting for an acceptance", () => {
    const world = threeNodes(1, { hibernateAfterTicks: 5 });
    world.roundsUntil("led", 60, () => world.isLed);
    const leader = world.leader(1)?.handle;
    const slowId = ((world.leader(1)?.nodeId ?? 0) % 3) + 1;
    world.fate = (packet) => {
      const accepts =
        packet.kind === "batch" && packet.batch.responses.some(({ asleep }) => asleep);
      return accepts && packet.from === slowId ? "lost" : "delivered";
    };
    const isDrowsy = (): boolean => leader instanceof Group && leader.wakefulness === "drowsy";
    world.roundsUntil("drowsy", 60, isDrowsy);
    world.roundsUntil("half asleep", 5, () =>
      world.replicas(1).some(({ handle }) => handle?.isAsleep === true),
    );

    world.roundsUntil("given up", 20, () => !isDrowsy());

    expect(world.replicas(1).map(({ handle }) => handle?.isAsleep)).toEqual([false, false, false]);
  });

  test("falls asleep although a third of all packets is lost", () => {
    const world = threeNodes(5, { peerTimeoutTicks: 12 });
    world.roundsUntil("led", 60, () => world.isLed);
    const random = new Prng(4);
    world.fate = () => (random.chance(0.3) ? "lost" : "delivered");

    world.roundsUntil("asleep", 1_000, () => world.isAsleep);
  });
});
