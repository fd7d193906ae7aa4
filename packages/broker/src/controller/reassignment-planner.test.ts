import { describe, expect, test } from "vitest";
import { sampleRegistration } from "../../fakes/sample-broker.ts";
import { type BrokerDuty, newBrokerLife } from "./broker-life.ts";
import { MetadataImage } from "./metadata-image.ts";
import { ReassignmentPlanner } from "./reassignment-planner.ts";

/** A cluster with one topic, whose groups have the ids 2 and higher. */
function plannerOf(
  duties: Readonly<Record<number, BrokerDuty>>,
  replicaIds: readonly (readonly number[])[],
  silentIds: readonly number[] = [],
): ReassignmentPlanner {
  const image = new MetadataImage();
  for (const [id, duty] of Object.entries(duties)) {
    const broker = sampleRegistration(Number(id), { directoryId: id });
    image.apply({ kind: "brokerRegistered", broker, replacedDirectoryId: "" }, 1);
    const life = { ...newBrokerLife, duty };
    image.apply({ kind: "brokerStateChanged", brokerId: Number(id), directoryId: id, life }, 2);
  }
  const partitions = replicaIds.map((ids) => ({ replicaIds: ids }));
  const configs = new Map<string, string>();
  const topic = { name: "t", topicId: "t", internal: false, configs, partitions };
  image.apply({ kind: "topicCreated", ...topic }, 3);
  return new ReassignmentPlanner({ image, isAlive: (id) => !silentIds.includes(id) });
}

/** Natural numbers below a bound, the same for the same seed. */
function integers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * bound);
  };
}

const serving = { 1: "serving", 2: "serving", 3: "serving", 4: "serving" } as const;

describe("ReassignmentPlanner.balance()", () => {
  test("takes replicas from a broker that is silent, and none from one that was drained and stopped", () => {
    const silent = plannerOf(serving, [[4, 1, 2]], [4]);
    const [moved] = silent.balance([], () => 0);
    expect(moved?.wanted.targetIds.toSorted()).toEqual([1, 2, 3]);
    const drained = plannerOf({ ...serving, 4: "drained" }, [[1, 2, 4]], [4]);
    expect(drained.balance([], () => 0)).toEqual([]);
  });

  test("evens out bytes where the numbers of replicas are even", () => {
    const planner = plannerOf({ 1: "serving", 2: "serving" }, [[1], [1], [2], [2]]);
    const sizes = new Map([
      [2, 100],
      [3, 100],
      [4, 10],
      [5, 10],
    ]);
    const plan = planner.balance([], (groupId) => sizes.get(groupId) ?? 0);
    expect(plan.map(({ wanted }) => wanted.targetIds.join()).toSorted()).toEqual(["1", "2"]);
  });
});

describe("ReassignmentPlanner.share()", () => {
  test("gives to brokers that came, and moves nothing between the others", () => {
    // Broker 3 has more than its share, too: that is somebody's wish.
    const replicaIds = Array.from({ length: 8 }, (_, at) => (at < 6 ? [3] : [2]));
    const plan = plannerOf(serving, replicaIds).share([4], () => 0);
    expect(plan.map(({ wanted }) => wanted.targetIds)).toEqual([[4], [4]]);
  });

  test("comes to an end when it is done again and again, and gives nobody more than its share", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = integers(seed);
      const oldCount = 2 + random(5);
      const newIds = Array.from({ length: 1 + random(3) }, (_, at) => oldCount + at + 1);
      const all = Array.from({ length: oldCount + newIds.length }, (_, at) => at + 1);
      const duties = Object.fromEntries(all.map((id) => [id, "serving" as const]));
      const replicaCount = 1 + random(Math.min(3, oldCount));
      let replicaIds = Array.from({ length: 5 + random(60) }, () => {
        const first = random(oldCount);
        return Array.from({ length: replicaCount }, (_, at) => ((first + at) % oldCount) + 1);
      });
      const sizes = replicaIds.map(() => random(1000));
      const max = 1 + random(4);
      const share = Math.ceil((replicaIds.length * replicaCount) / all.length);
      const roundsMax = replicaIds.length * replicaCount;
      for (let round = 0; ; round++) {
        expect(round, `seed ${seed}`).toBeLessThanOrEqual(roundsMax);
        const plan = plannerOf(duties, replicaIds).share(newIds, (id) => sizes[id - 2] ?? 0);
        if (plan.length === 0) break;
        replicaIds = [...replicaIds];
        for (const { wanted } of plan.slice(0, max)) {
          replicaIds[wanted.partition] = [...wanted.targetIds];
        }
      }
      for (const id of newIds) {
        const held = replicaIds.filter((ids) => ids.includes(id)).length;
        expect(held, `seed ${seed}`).toBeLessThanOrEqual(share);
        expect(held, `seed ${seed}`).toBeGreaterThanOrEqual(0.75 * share - 1);
      }
    }
  });
});
