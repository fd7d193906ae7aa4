import { decodeTopicState } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import {
  decodeMetadataCommand,
  encodeMetadataCommand,
  encodeTopicState,
  topicOf,
} from "./metadata-codec.ts";
import type { MetadataCommand } from "./metadata-command.ts";

const commands: readonly MetadataCommand[] = [
  {
    kind: "topicConfigsAltered",
    topicId: "id",
    set: new Map([
      ["a", "1"],
      ["b", ""],
    ]),
    deleted: ["c"],
  },
  { kind: "brokerConfigsAltered", brokerId: 0, set: new Map(), deleted: ["c"] },
  { kind: "brokerConfigsAltered", brokerId: 7, set: new Map([["a", "1"]]), deleted: [] },
  {
    kind: "partitionsCreated",
    topicId: "id",
    partitionCount: 2,
    partitions: [{ replicaIds: [1, 2, 3] }, { replicaIds: [3] }],
  },
];

describe("decodeMetadataCommand()", () => {
  test.each(commands)("decodeMetadataCommand() reads back a $kind", (command) => {
    expect(decodeMetadataCommand(encodeMetadataCommand(command))).toEqual(command);
  });
});

describe("topicOf()", () => {
  const topic = {
    name: "t",
    topicId: "id",
    internal: false,
    configs: new Map([["a", "1"]]),
    incarnation: 5,
  };
  const placed = { groupId: 2, replicaIds: [1] };

  test("topicOf() reads back partitions that are younger than their topic", () => {
    const partitions = [
      { ...placed, partition: 0, incarnation: 5 },
      { ...placed, partition: 1, groupId: 9, incarnation: 8 },
    ];
    const image = { ...topic, partitions };
    expect(topicOf(decodeTopicState(encodeTopicState(image)))).toEqual(image);
  });

  test("topicOf() takes partitions that say nothing of their age to be as old as their topic", () => {
    const { partitions } = topicOf({ ...topic, partitions: [{ ...placed, incarnation: 0 }] });
    expect(partitions).toEqual([{ ...placed, partition: 0, incarnation: 5 }]);
  });
});
