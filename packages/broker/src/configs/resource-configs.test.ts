import { describe, expect, test } from "vitest";
import { sampleBroker } from "../../fakes/sample-broker.ts";
import { firstAssignment } from "../controller/partition-assignment.ts";
import { MetadataImage } from "../controller/metadata-image.ts";
import type { ConfigView } from "./config-description.ts";
import type { ConfigResource } from "./config-resource.ts";
import { toResource } from "./config-resource.ts";
import { brokerNumber, describeResource, resourceConfigs } from "./resource-configs.ts";

const defaults = {
  batchBytesMax: 1000,
  defaultPartitionCount: 3,
  defaultReplicationFactor: 3,
  partitionsPerTopicMax: 100,
  retentionCheckMs: 30_000,
  compactionCheckMs: 15_000,
  joinBalanceDelayMs: 60_000,
  lossRepairDelayMs: 1_800_000,
  movesAtOnceMax: 10,
};

function imageWith(configs: {
  readonly topic?: Record<string, string>;
  readonly broker?: Record<string, string>;
  readonly cluster?: Record<string, string>;
}): MetadataImage {
  const image = new MetadataImage();
  const set = (values: Record<string, string> = {}) => new Map(Object.entries(values));
  image.restore({
    clusterId: "c",
    nextGroupId: 3,
    nextProducerId: 1,
    featureLevel: 1,
    removedDirectories: [],
    moveThrottle: 0,
    brokers: [sampleBroker(1, { rack: "r1" })],
    topics: [
      {
        name: "t",
        topicId: "id",
        internal: false,
        configs: set(configs.topic),
        partitions: [{ partition: 0, groupId: 2, incarnation: 1, ...firstAssignment([1, 2, 3]) }],
        incarnation: 1,
      },
    ],
    brokerConfigs: [
      [0, set(configs.cluster)],
      [1, set(configs.broker)],
    ],
  });
  return image;
}

function view(image: MetadataImage, resource: ConfigResource, name: string): Partial<ConfigView> {
  const views = describeResource(resourceConfigs(image, resource, defaults), true);
  const found = views.find((each) => each.name === name);
  if (found === undefined) throw new Error(`${name} is not described`);
  const { defaultValue, readOnly, source, support, value } = found;
  return { value, source, defaultValue, readOnly, support };
}

const topic = { kind: "topic", name: "t" } as const;
const broker = { kind: "broker", brokerId: 1 } as const;
const cluster = { kind: "cluster" } as const;

describe("describeResource()", () => {
  test.each([
    [{}, "604800000", "DEFAULT", "604800000"],
    [{ cluster: { "log.retention.ms": "5" } }, "5", "CLUSTER", "5"],
    [{ topic: { "retention.ms": "7" } }, "7", "TOPIC", "604800000"],
    [{ topic: { "retention.ms": "7" }, cluster: { "log.retention.ms": "5" } }, "7", "TOPIC", "5"],
  ] as const)("describeResource() of a topic with %j", (configs, value, source, defaultValue) => {
    const found = view(imageWith(configs), topic, "retention.ms");
    expect(found).toMatchObject({ value, source, defaultValue, readOnly: false });
  });

  test.each([
    [{}, "30000", "DEFAULT"],
    [{ cluster: { "log.retention.check.interval.ms": "5" } }, "5", "CLUSTER"],
    [{ broker: { "log.retention.check.interval.ms": "6" } }, "6", "BROKER"],
  ] as const)("describeResource() of a broker with %j", (configs, value, source) => {
    const image = imageWith(configs);
    const name = "log.retention.check.interval.ms";
    expect(view(image, broker, name)).toMatchObject({ value, source });
    expect(brokerNumber(image, 1, name, 30_000)).toBe(Number(value));
  });

  test("describeResource() shows what a broker was started with, which cannot be altered", () => {
    const rack = { value: "r1", source: "STATIC_BROKER", readOnly: true };
    expect(view(imageWith({}), broker, "broker.rack")).toMatchObject(rack);
    const views = describeResource(resourceConfigs(imageWith({}), broker, defaults), true);
    const names = views.map(({ name }) => name);
    expect(names, "each once").toEqual([...new Set(names)]);
  });

  test("describeResource() of the cluster has the defaults of topics under their broker names", () => {
    const image = imageWith({ cluster: { "log.retention.ms": "5", "num.partitions": "8" } });
    expect(view(image, cluster, "log.retention.ms")).toMatchObject({
      value: "5",
      source: "CLUSTER",
    });
    expect(view(image, cluster, "num.partitions")).toMatchObject({ value: "8", defaultValue: "3" });
    expect(view(image, cluster, "message.max.bytes")).toMatchObject({ value: "1000" });
  });

  test("describeResource() says what is always so, and why the rest is not there", () => {
    const image = imageWith({});
    const insync = { value: "2", source: "DEFAULT", support: "MAPPED" };
    expect(view(image, topic, "min.insync.replicas")).toMatchObject(insync);
    const tiers = { value: undefined, support: "UNSUPPORTED" };
    expect(view(image, topic, "local.retention.ms")).toMatchObject(tiers);
    const views = describeResource(resourceConfigs(image, topic, defaults), true);
    const names = views.map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
    for (const { documentation } of views) expect(documentation.length).toBeGreaterThan(10);
  });

  test("every config of a topic, and every default, accepts its own built-in value", () => {
    for (const resource of [topic, broker, cluster]) {
      const { schema } = resourceConfigs(imageWith({}), resource, defaults);
      // The test's own bound of batches is smaller than any that can be asked for.
      const defined = [...schema.definitions.values()].filter(({ name }) => !name.includes("max."));
      const refused = defined.filter(({ defaultValue, rule }) => !rule.accepts(defaultValue));
      expect(refused.map(({ name }) => name)).toEqual([]);
    }
  });
});

describe("resourceConfigs()", () => {
  test.each([
    [{ kind: "topic", name: "?" }, "UNKNOWN_TOPIC_OR_PARTITION"],
    [{ kind: "broker", brokerId: 9 }, "INVALID_REQUEST"],
  ] as const)("resourceConfigs() of %j", (resource, code) => {
    const ask = () => resourceConfigs(imageWith({}), resource, defaults);
    expect(ask).toThrow(expect.objectContaining({ code }));
  });
});

describe("toResource()", () => {
  test.each([
    ["TOPIC", "t", topic],
    ["BROKER", "1", broker],
    ["CLUSTER", "", cluster],
  ] as const)("toResource() finds the %s %j", (resourceType, resourceName, resource) => {
    expect(toResource({ resourceType, resourceName })).toEqual(resource);
  });

  test.each([
    ["BROKER", "0"],
    ["BROKER", "one"],
    ["BROKER", ""],
    ["CLUSTER", "mine"],
    ["UNSPECIFIED", "t"],
  ] as const)("toResource() refuses the %s %j", (resourceType, resourceName) => {
    const find = () => toResource({ resourceType, resourceName });
    expect(find).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
  });
});
