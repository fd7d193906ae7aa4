import { expect, test } from "vitest";

import { isInternalTopicName, topicNameFault } from "./topic-name.ts";

test("topicNameFault() accepts what Kafka accepts", () => {
  for (const name of ["a", "orders", "Orders_2.eu-west", "...", "__group", "x".repeat(249)]) {
    expect(topicNameFault(name)).toBeUndefined();
  }
});

test("topicNameFault() says what is wrong with a name", () => {
  expect(topicNameFault("")).toBe("is empty");
  expect(topicNameFault("..")).toContain("must be neither");
  expect(topicNameFault("x".repeat(250))).toBe("is 250 characters long, 249 are allowed");
  for (const name of ["a b", "a/b", "ä", "a\n", "a\0"]) {
    expect(topicNameFault(name)).toContain("may contain only");
  }
});

test("isInternalTopicName() goes by the prefix", () => {
  expect(isInternalTopicName("__cluster")).toBe(true);
  expect(isInternalTopicName("_cluster")).toBe(false);
});
