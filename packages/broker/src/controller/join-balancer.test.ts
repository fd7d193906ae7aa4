import { expect, test } from "vitest";
import { sampleBroker as broker } from "../../fakes/sample-broker.ts";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import type { LedPartition } from "../moves/led-partitions.ts";
import { JoinBalancer } from "./join-balancer.ts";
import type { PartitionImage, TopicImage } from "./metadata-image.ts";
import { firstAssignment, reassigned } from "./partition-assignment.ts";

const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => logger,
};

const delayMs = 10_000;

/** One partition on brokers 1 to 3; broker 4 has joined, and is owed two rounds of moves. */
function balancerOf() {
  const clock = new SimulatedClock();
  const partition: PartitionImage = {
    partition: 0,
    groupId: 2,
    incarnation: 1,
    ...firstAssignment([1, 2, 3]),
  };
  const topic: TopicImage = {
    name: "t",
    topicId: "t",
    internal: false,
    configs: new Map(),
    partitions: [partition],
    incarnation: 1,
  };
  const topics = new Map([["t", topic]]);
  const newcomerIds = new Set([4]);
  const brokers = new Map([1, 2, 3, 4].map((id) => [id, broker(id)]));
  const state = { isOn: true, isLeading: true, isLacking: false, roundsLeft: 2, isLed: true };
  const silent = new Set<number>();
  const asked: string[] = [];
  const balancer = new JoinBalancer({
    clock,
    logger,
    image: { brokers, newcomerIds, topics },
    settings: () => ({ isOn: state.isOn, delayMs, movesAtOnceMax: 5 }),
    isLeading: () => state.isLeading,
    isAlive: (id) => !silent.has(id),
    ledPartitions: () => {
      const led: LedPartition = { groupId: 2, sizeBytes: 7, isLacking: state.isLacking };
      return Promise.resolve(new Map(state.isLed ? [[2, led]] : []));
    },
    share: (ids, sizeOf, max) => {
      asked.push(`${max} to ${ids.join()} of ${sizeOf(2)} bytes`);
      return Promise.resolve(state.roundsLeft-- > 0 ? 1 : 0);
    },
    settle: (ids) => {
      for (const id of ids) newcomerIds.delete(id);
      return Promise.resolve();
    },
  });
  return { asked, balancer, brokers, clock, newcomerIds, partition, silent, state, topic, topics };
}

test("JoinBalancer gives a broker that joined its share after the delay, until there is no more to move", async () => {
  const { asked, clock, newcomerIds } = balancerOf();
  await clock.run(delayMs);
  expect(asked).toEqual([]);
  await clock.run(5000);
  expect(asked).toEqual(Array.from({ length: 3 }, () => "5 to 4 of 7 bytes"));
  expect(newcomerIds.size).toBe(0);
  await clock.run(100_000);
  expect(asked).toHaveLength(3);
});

test("JoinBalancer does nothing where it is off, and begins when it is turned on", async () => {
  const { asked, clock, state } = balancerOf();
  state.isOn = false;
  await clock.run(100_000);
  expect(asked).toEqual([]);
  state.isOn = true;
  await clock.run(delayMs + 2000);
  expect(asked).not.toEqual([]);
});

test("JoinBalancer waits as long as a broker is silent, a partition moves, lacks something or has no leader", async () => {
  const { asked, clock, partition, silent, state, topic, topics } = balancerOf();
  silent.add(2);
  await clock.run(30_000);
  silent.clear();
  const moving = { ...partition, ...reassigned(partition, [1, 2, 4], 9) };
  topics.set("t", { ...topic, partitions: [moving] });
  await clock.run(30_000);
  topics.set("t", topic);
  state.isLacking = true;
  await clock.run(30_000);
  state.isLacking = false;
  state.isLed = false;
  await clock.run(30_000);
  expect(asked).toEqual([]);
  state.isLed = true;
  await clock.run(2000);
  expect(asked).not.toEqual([]);
});

test("JoinBalancer counts the delay anew for a broker that comes later, and at a new controller", async () => {
  const { asked, brokers, clock, newcomerIds, state } = balancerOf();
  await clock.run(delayMs - 2000);
  newcomerIds.add(5);
  brokers.set(5, broker(5));
  await clock.run(delayMs - 2000);
  state.isLeading = false;
  await clock.run(5000);
  state.isLeading = true;
  await clock.run(delayMs - 2000);
  expect(asked).toEqual([]);
  await clock.run(4000);
  expect(asked[0]).toBe("5 to 4,5 of 7 bytes");
});

test("JoinBalancer keeps a share for a newcomer that is drained, and gives it when that is undrained", async () => {
  const { asked, brokers, clock, newcomerIds } = balancerOf();
  newcomerIds.add(5);
  brokers.set(5, { ...broker(5), duty: "drained" });
  await clock.run(delayMs + 5000);
  expect(asked).toEqual(Array.from({ length: 3 }, () => "5 to 4 of 7 bytes"));
  expect([...newcomerIds]).toEqual([5]);
  brokers.set(5, broker(5));
  await clock.run(delayMs + 2000);
  expect(asked.slice(3)).toEqual(["5 to 5 of 7 bytes"]);
  expect(newcomerIds.size).toBe(0);
});

test("JoinBalancer does nothing once it is stopped", async () => {
  const { asked, balancer, clock } = balancerOf();
  balancer.stop();
  await clock.run(100_000);
  expect(asked).toEqual([]);
});
