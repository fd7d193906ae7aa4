import { describe, expect, test } from "vitest";
import { Prng } from "../../fakes/prng.ts";
import { SimulatedProcesses } from "../../fakes/simulated-processes.ts";
import { lullToSleep, rounds, sum, threeNodes } from "../../fakes/three-nodes.ts";
import { Group } from "./group.ts";

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
