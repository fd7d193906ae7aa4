import { describe, expect, test } from "vitest";
import { sampleRegistration } from "../../fakes/sample-broker.ts";
import type { BrokerRegistration } from "./broker-registration.ts";
import { newcomersLevel, supportedFeatureLevels } from "./feature-level.ts";
import type { MetadataCommand } from "./metadata-command.ts";
import { clusterConfigsId, MetadataImage } from "./metadata-image.ts";

const registration = (brokerId: number, directoryId = `dir-${brokerId}`): BrokerRegistration =>
  sampleRegistration(brokerId, { directoryId, featureLevels: supportedFeatureLevels });

const registered = (broker: BrokerRegistration, replacedDirectoryId = ""): MetadataCommand => ({
  kind: "brokerRegistered",
  broker,
  replacedDirectoryId,
});

const topicCreated = (name: string, partitions: number[][] = [[1]]): MetadataCommand => ({
  kind: "topicCreated",
  name,
  topicId: `id-of-${name}`,
  internal: false,
  configs: new Map(),
  partitions: partitions.map((replicaIds) => ({ replicaIds })),
});

describe("MetadataImage.apply()", () => {
  test("MetadataImage.apply() keeps the entry that registered a directory first, and forgets it with the directory", () => {
    const image = new MetadataImage();
    const indexes = [registered(registration(1, "a")), registered(registration(1, "a"))].map(
      (command, row) => {
        image.apply(command, 5 + row);
        return image.brokers.get(1)?.directoryIndex;
      },
    );
    expect(indexes).toEqual([5, 5]);
    image.apply(registered(registration(1, "b"), "a"), 9);
    expect(image.brokers.get(1)?.directoryIndex).toBe(9);
  });

  test("forms a cluster once", () => {
    const image = new MetadataImage();
    expect(image.apply({ kind: "clusterFormed", clusterId: "a" }, 1)).toEqual({ kind: "done" });
    expect(image.apply({ kind: "clusterFormed", clusterId: "b" }, 2)).toEqual({
      kind: "refused",
      reason: "clusterFormedAlready",
    });
    expect(image.clusterId).toBe("a");
  });

  test("gives every partition a group id that was never used, even after a topic was deleted", () => {
    const image = new MetadataImage();
    image.apply(topicCreated("t", [[1], [1]]), 1);
    const before = image.topics.get("t");
    image.apply({ kind: "topicDeleted", topicId: "id-of-t" }, 2);
    image.apply(topicCreated("t", [[1], [1]]), 3);
    const after = image.topics.get("t");
    const groupIds = [before, after].flatMap((t) => t?.partitions.map((p) => p.groupId) ?? []);
    expect(new Set(groupIds).size).toBe(4);
    expect(after?.incarnation).toBe(3);
  });

  test("refuses a second topic of the same name and the deletion of an unknown one", () => {
    const image = new MetadataImage();
    image.apply(topicCreated("t"), 1);
    expect(image.apply(topicCreated("t"), 2)).toEqual({ kind: "refused", reason: "topicExists" });
    expect(image.apply({ kind: "topicDeleted", topicId: "?" }, 3)).toEqual({
      kind: "refused",
      reason: "topicUnknown",
    });
  });

  test("refuses a known broker id with another data directory, and takes new addresses of the same", () => {
    const image = new MetadataImage();
    image.apply(registered(registration(1)), 1);
    const moved = { ...registration(1), client: { host: "elsewhere", port: 1 } };
    expect(image.apply(registered(moved), 2)).toEqual({ kind: "brokerChanged", brokerId: 1 });
    expect(image.brokers.get(1)?.client.host).toBe("elsewhere");
    const wiped = registration(1, "another");
    expect(image.apply(registered(wiped), 3)).toEqual({
      kind: "refused",
      reason: "directoryMismatch",
    });
  });

  test("remembers brokers that came when there were topics, until they have their share or are gone", () => {
    const image = new MetadataImage();
    image.apply(registered(registration(1)), 1);
    image.apply({ kind: "featureLevelRaised", level: newcomersLevel }, 1);
    image.apply(topicCreated("t"), 2);
    expect([...image.newcomerIds]).toEqual([]);
    for (const id of [2, 3, 4]) image.apply(registered(registration(id)), 2 + id);
    expect([...image.newcomerIds]).toEqual([2, 3, 4]);
    image.apply({ kind: "newcomersSettled", brokerIds: [3, 9] }, 7);
    image.apply(registered({ ...registration(3), startCount: 2 }), 8);
    image.apply(
      { kind: "brokerStateChanged", brokerId: 4, directoryId: "dir-4", life: "removed" },
      9,
    );
    expect([...image.newcomerIds]).toEqual([2]);
  });

  test("allocates producer ids in blocks that never overlap", () => {
    const image = new MetadataImage();
    const first = image.apply({ kind: "producerIdsAllocated", count: 100 }, 1);
    const second = image.apply({ kind: "producerIdsAllocated", count: 100 }, 2);
    expect(first).toEqual({ kind: "producerIds", firstProducerId: 1 });
    expect(second).toEqual({ kind: "producerIds", firstProducerId: 101 });
  });

  test("comes to the same state as one that was restored half-way", () => {
    const image = new MetadataImage();
    image.apply({ kind: "clusterFormed", clusterId: "c" }, 1);
    image.apply(topicCreated("a", [[1, 2, 3]]), 2);
    const restored = new MetadataImage();
    restored.restore({
      clusterId: image.clusterId,
      nextGroupId: image.nextGroupId,
      nextProducerId: image.nextProducerId,
      featureLevel: image.featureLevel,
      removedDirectories: image.removedDirectories.values(),
      moveThrottle: image.moveThrottle,
      brokers: image.brokers.values(),
      topics: image.topics.values(),
    });
    for (const each of [image, restored]) each.apply(topicCreated("b", [[2, 3, 1]]), 3);
    expect(restored.topics).toEqual(image.topics);
  });

  test("alters the configs of one topic, and leaves those that are not named", () => {
    const image = new MetadataImage();
    image.apply(topicCreated("t"), 1);
    const before = image.topics.get("t");
    image.apply(topicConfigs({ a: "1", b: "2" }), 2);
    const outcome = image.apply(topicConfigs({ b: "3" }, ["a"]), 3);
    expect(outcome).toMatchObject({ kind: "topicConfigured", topic: { name: "t" } });
    expect(image.topics.get("t")?.configs).toEqual(new Map([["b", "3"]]));
    expect(before?.configs.size, "an image that somebody holds does not change").toBe(0);
  });

  test("refuses to alter or to grow a topic that was deleted, also where its name is taken again", () => {
    const image = new MetadataImage();
    image.apply(topicCreated("t"), 1);
    image.apply({ kind: "topicDeleted", topicId: "id-of-t" }, 2);
    image.apply({ ...topicCreated("t"), topicId: "another" } as MetadataCommand, 3);
    const unknown = { kind: "refused", reason: "topicUnknown" };
    expect(image.apply(topicConfigs({ a: "1" }), 4)).toEqual(unknown);
    expect(image.apply(partitionsCreated(1, [[1]]), 5)).toEqual(unknown);
    expect(image.topics.get("t")?.partitions.length).toBe(1);
  });

  test("adds partitions of an incarnation of their own, once", () => {
    const image = new MetadataImage();
    image.apply(topicCreated("t", [[1, 2]]), 1);
    image.apply(topicCreated("u"), 2);
    const outcome = image.apply(
      partitionsCreated(1, [
        [2, 1],
        [1, 2],
      ]),
      7,
    );
    expect(outcome.kind).toBe("topicGrown");
    expect(image.topics.get("t")).toMatchObject({
      incarnation: 1,
      partitions: [
        { partition: 0, groupId: 2, incarnation: 1 },
        { partition: 1, groupId: 4, replicaIds: [2, 1], incarnation: 7 },
        { partition: 2, groupId: 5, replicaIds: [1, 2], incarnation: 7 },
      ],
    });
    expect(image.apply(partitionsCreated(1, [[1, 2]]), 8)).toEqual({
      kind: "refused",
      reason: "partitionCountChanged",
    });
  });

  test("keeps configs of brokers and of the cluster apart, and nothing of those that have none", () => {
    const image = new MetadataImage();
    image.apply(brokerConfigs(clusterConfigsId, { a: "1" }), 1);
    image.apply(brokerConfigs(2, { a: "2" }), 2);
    expect(image.clusterConfigs).toEqual(new Map([["a", "1"]]));
    expect(image.configsOf(2)).toEqual(new Map([["a", "2"]]));
    expect(image.configsOf(3).size).toBe(0);
    image.apply(brokerConfigs(2, {}, ["a"]), 3);
    expect([...image.brokerConfigs.keys()]).toEqual([clusterConfigsId]);
  });
});

function topicConfigs(set: Record<string, string>, deleted: string[] = []): MetadataCommand {
  const change = { set: new Map(Object.entries(set)), deleted };
  return { kind: "topicConfigsAltered", topicId: "id-of-t", ...change };
}

function brokerConfigs(
  brokerId: number,
  set: Record<string, string>,
  deleted: string[] = [],
): MetadataCommand {
  const change = { set: new Map(Object.entries(set)), deleted };
  return { kind: "brokerConfigsAltered", brokerId, ...change };
}

function partitionsCreated(partitionCount: number, partitions: number[][]): MetadataCommand {
  return {
    kind: "partitionsCreated",
    topicId: "id-of-t",
    partitionCount,
    partitions: partitions.map((replicaIds) => ({ replicaIds })),
  };
}
