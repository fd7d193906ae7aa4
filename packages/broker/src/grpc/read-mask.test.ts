import { describe, expect, test } from "vitest";
import { checkReadMask, isWanted, masked } from "./read-mask.ts";

const answer = {
  clusterId: "c",
  brokers: [
    { brokerId: 1, diskCapacityBytes: 5, rack: "a" },
    { brokerId: 2, diskCapacityBytes: 6, rack: "b" },
  ],
  topic: { name: "t", configs: new Map([["a", "1"]]) },
  nextPageToken: "n",
};

function maskOf(...paths: string[]) {
  return { readMask: { paths } };
}

describe("checkReadMask()", () => {
  test("refuses a path that is longer than any field is deep", () => {
    const method = "/ropewalk.v1.TopicService/DescribeTopic";
    const deep = (depth: number) => maskOf(`topic${".a".repeat(depth)}`);
    expect(() => checkReadMask(method, deep(97))).not.toThrow();
    expect(() => checkReadMask(method, deep(12_000))).toThrow(/24005 characters, more than 200/);
  });
});

describe("masked()", () => {
  test("leaves an answer as it is where nobody names fields", () => {
    expect(masked({}, answer)).toBe(answer);
    expect(masked(maskOf(), answer)).toBe(answer);
    expect(masked({ readMask: undefined }, answer)).toBe(answer);
  });

  test("takes the named fields with what lies below them, in every element of a list", () => {
    expect(masked(maskOf("cluster_id"), answer)).toEqual({ clusterId: "c", nextPageToken: "n" });
    expect(masked(maskOf("brokers.disk_capacity_bytes", "brokers.broker_id"), answer)).toEqual({
      brokers: [
        { brokerId: 1, diskCapacityBytes: 5 },
        { brokerId: 2, diskCapacityBytes: 6 },
      ],
      nextPageToken: "n",
    });
    expect(masked(maskOf("topic.configs"), answer)).toEqual({
      topic: { configs: answer.topic.configs },
      nextPageToken: "n",
    });
  });

  test("takes a field wholly that is named wholly and in part, in any order", () => {
    const { brokers, nextPageToken } = answer;
    for (const paths of [
      ["brokers", "brokers.rack"],
      ["brokers.rack", "brokers"],
    ]) {
      expect(masked(maskOf(...paths), answer)).toEqual({ brokers, nextPageToken });
    }
  });
});

test("isWanted() says whether something of a field is", () => {
  for (const paths of [[], ["a"], ["a.b"], ["a.b.c"], ["x", "a.b"]]) {
    expect(isWanted(maskOf(...paths), "a.b")).toBe(true);
  }
  for (const paths of [["b"], ["a.c"], ["ab"]])
    expect(isWanted(maskOf(...paths), "a.b")).toBe(false);
});

test("checkReadMask() names the fields that there are", () => {
  const path = "/ropewalk.v1.TopicService/ListTopics";
  expect(() => checkReadMask(path, maskOf("topics.name"))).not.toThrow();
  expect(() => checkReadMask(path, maskOf("topics", "topicks"))).toThrow(
    'Cannot answer ListTopics with "topicks": the answer has topics, next_page_token',
  );
});
