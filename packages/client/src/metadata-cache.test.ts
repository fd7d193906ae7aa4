import { describe, expect, test } from "vitest";
import { MetadataCache, type MetadataAnswer } from "./metadata-cache.ts";

const brokers = [1, 2, 3].map((brokerId) => ({
  brokerId,
  host: "localhost",
  port: 7700 + brokerId,
}));

function answer(leaderId: number, leaderEpoch: number, topicId = "a"): MetadataAnswer {
  const partitions = [{ partition: 0, leaderId, leaderEpoch }];
  return { brokers, topics: [{ name: "t", topicId, partitions }] };
}

function cacheWith(...answers: MetadataAnswer[]): MetadataCache {
  const cache = new MetadataCache();
  for (const one of answers) cache.merge(one, ["t"]);
  return cache;
}

describe("MetadataCache", () => {
  test("MetadataCache.merge() keeps the newest leader epoch, in whatever order answers come", () => {
    expect(cacheWith(answer(1, 5), answer(2, 6)).leader("t", 0)).toBe(2);
    expect(cacheWith(answer(2, 6), answer(1, 5)).leader("t", 0)).toBe(2);
  });

  test("MetadataCache.merge() does not forget a leader for an answer of the same epoch that knows none", () => {
    expect(cacheWith(answer(1, 5), answer(0, 5)).leader("t", 0)).toBe(1);
  });

  test("MetadataCache.merge() forgets a leader when a newer epoch has none yet", () => {
    expect(cacheWith(answer(1, 5), answer(0, 6)).leader("t", 0)).toBeUndefined();
  });

  test("MetadataCache.merge() starts over with a topic that was created again", () => {
    expect(cacheWith(answer(1, 50, "a"), answer(2, 1, "b")).leader("t", 0)).toBe(2);
  });

  test("MetadataCache.merge() forgets a topic that was asked for and is not there", () => {
    const cache = cacheWith(answer(1, 5));
    cache.merge({ brokers, topics: [] }, ["t"]);
    expect(cache.partitionCount("t")).toBeUndefined();
  });

  test("MetadataCache.merge() keeps topics that nobody asked about", () => {
    const cache = cacheWith(answer(1, 5));
    cache.merge({ brokers, topics: [] }, ["other"]);
    expect(cache.partitionCount("t")).toBe(1);
  });

  test("MetadataCache.refused() follows the hint of the broker that does not lead", () => {
    const cache = cacheWith(answer(1, 5));
    cache.refused("t", 0, 1, 3);
    expect(cache.leader("t", 0)).toBe(3);
  });

  test("MetadataCache.refused() without a hint leaves the partition without a leader", () => {
    const cache = cacheWith(answer(1, 5));
    cache.refused("t", 0, 1);
    expect(cache.leader("t", 0)).toBeUndefined();
  });

  test("MetadataCache.refused() does not overrule what was learned in the meantime", () => {
    const cache = cacheWith(answer(1, 5), answer(2, 6));
    cache.refused("t", 0, 1, 1);
    expect(cache.leader("t", 0)).toBe(2);
  });

  test("MetadataCache.unreachable() takes a broker's partitions away until an answer names it again", () => {
    const cache = cacheWith(answer(1, 5));
    cache.unreachable(1);
    expect(cache.leader("t", 0)).toBeUndefined();
    cache.merge(answer(1, 5), ["t"]);
    expect(cache.leader("t", 0)).toBe(1);
  });

  test("MetadataCache.replicaIn() prefers the leader, and else deals a rack's living replicas to partitions", () => {
    const racks = ["a", "b", "b", "b"];
    const cache = new MetadataCache();
    const leaders = [1, 3, 1];
    cache.merge(
      {
        brokers: racks.map((rack, at) => {
          return { brokerId: at + 1, host: "localhost", port: 7700, rack, alive: at !== 3 };
        }),
        topics: [
          {
            name: "t",
            topicId: "x",
            partitions: leaders.map((leaderId, partition) => {
              return { partition, leaderId, leaderEpoch: 1, replicaIds: [1, 2, 3, 4] };
            }),
          },
        ],
      },
      ["t"],
    );
    expect(leaders.map((_, partition) => cache.replicaIn("t", partition, "b"))).toEqual([2, 3, 2]);
    expect(cache.replicaIn("t", 0, "c")).toBeUndefined();
  });
});
