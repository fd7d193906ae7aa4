import { ByteWriter } from "@ropewalk/protocol";
import { decodeTopicState } from "@ropewalk/protocol/internal";
import { describe, expect, test } from "vitest";
import {
  decodeMetadataCommand,
  encodeMetadataCommand,
  encodeTopicState,
  topicOf,
} from "./metadata-codec.ts";
import { completed, firstAssignment, reassigned, started } from "./partition-assignment.ts";
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
  { kind: "newcomersSettled", brokerIds: [4, 5] },
];

describe("decodeMetadataCommand()", () => {
  test.each(commands)("decodeMetadataCommand() reads back a $kind", (command) => {
    expect(decodeMetadataCommand(encodeMetadataCommand(command))).toEqual(command);
  });
});

test("decodeMetadataCommand() answers undefined for a command that a later version has", () => {
  // Field 1000, an empty message.
  const later = new ByteWriter(8).uvarint(1000 * 8 + 2).uvarint(0);
  expect(decodeMetadataCommand(later.finish())).toBeUndefined();
});

describe("topicOf()", () => {
  const topic = {
    name: "t",
    topicId: "id",
    internal: false,
    configs: new Map([["a", "1"]]),
    incarnation: 5,
  };
  const placed = { groupId: 2, ...firstAssignment([1]) };

  test("topicOf() reads back partitions that are younger than their topic", () => {
    const partitions = [
      { ...placed, partition: 0, incarnation: 5 },
      { ...placed, partition: 1, groupId: 9, incarnation: 8 },
    ];
    const image = { ...topic, partitions };
    expect(topicOf(decodeTopicState(encodeTopicState(image)))).toEqual(image);
  });

  test("topicOf() takes partitions that say nothing of their age to be as old as their topic", () => {
    const { partitions } = topicOf({
      ...topic,
      partitions: [{ ...placed, incarnation: 0, bornIds: [], joined: [], move: undefined }],
    });
    expect(partitions).toEqual([{ ...placed, partition: 0, incarnation: 5 }]);
  });

  test("topicOf() reads back where the replicas of a partition are, and are to be", () => {
    const moving = started(reassigned(firstAssignment([1, 2]), [3, 2], 7), 8);
    const turned = reassigned(moving, [4, 2], 9);
    const waiting = reassigned(firstAssignment([1, 2]), [3], 10);
    const moved = completed(moving, 8) ?? moving;
    const partitions = [moving, turned, waiting, moved].map((assignment, partition) => ({
      partition,
      groupId: partition + 2,
      incarnation: 5,
      ...assignment,
    }));
    const image = { ...topic, partitions };
    expect(topicOf(decodeTopicState(encodeTopicState(image)))).toEqual(image);
  });
});
