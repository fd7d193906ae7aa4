import { describe, expect, test } from "vitest";
import { firstAssignment } from "./partition-assignment.ts";
import { checkGrowth, imaginedTopic, placeMore } from "./topic-growth.ts";

function partition(number: number, replicaIds: readonly number[]) {
  return { partition: number, groupId: number + 2, incarnation: 1, ...firstAssignment(replicaIds) };
}

const brokers = [1, 2, 3].map((brokerId) => ({
  brokerId,
  rack: "",
  alive: true,
  replicaCount: 4,
}));

describe("placeMore()", () => {
  test("placeMore() goes on with numbers, replicas and leads where the topic's own end", () => {
    const existing = [partition(0, [1, 2]), partition(1, [2, 1]), partition(2, [1, 3])];
    const added = placeMore(existing, brokers, 3);
    expect(added.map((each) => each.partition)).toEqual([3, 4, 5]);
    for (const { replicaIds } of added) expect(new Set(replicaIds).size).toBe(2);
    const leads = [...existing, ...added].map(({ replicaIds }) => replicaIds[0] ?? 0);
    expect(leads.toSorted((a, b) => a - b)).toEqual([1, 1, 2, 2, 3, 3]);
  });
});

describe("checkGrowth()", () => {
  test.each([
    [3, 4, 10],
    [3, 10, 10],
  ])("checkGrowth() lets %i partitions become %i of %i", (has, wanted, max) => {
    expect(() => checkGrowth("grow", has, wanted, max)).not.toThrow();
  });

  test.each([
    [3, 3, /it has 3 partitions, and 3 were asked for, where 4 to 10 are possible/],
    [3, 0, /where 4 to 10 are possible/],
    [3, 11, /where 4 to 10 are possible/],
    [10, 11, /where 10 are the most/],
  ])("checkGrowth() refuses to make %i partitions %i", (has, wanted, message) => {
    const check = () => checkGrowth("grow", has, wanted, 10);
    expect(check).toThrow(message);
    expect(check).toThrow(expect.objectContaining({ code: "INVALID_PARTITIONS" }));
  });
});

test("imaginedTopic() has no id, and no group in any partition", () => {
  const partitions = [{ replicaIds: [1, 2] }, { replicaIds: [2, 1] }];
  const topic = imaginedTopic({ name: "t", internal: false, configs: new Map(), partitions });
  expect(topic.topicId).toBe("");
  expect(topic.partitions).toMatchObject([
    { partition: 0, groupId: 0, replicaIds: [1, 2], incarnation: 0 },
    { partition: 1, groupId: 0, replicaIds: [2, 1], incarnation: 0 },
  ]);
});
