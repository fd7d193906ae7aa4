import {
  configService,
  fetchService,
  produceService,
  readRecords,
  RopewalkError,
  splitBatches,
  topicService,
} from "@ropewalk/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { batchOf, codeOf, type OwnBroker, ownBroker } from "../../fakes/own-broker.ts";

/** Ports of one test file must not meet those of another. */
const port = 32_000 + (process.pid % 700);

const cluster = { resourceType: "CLUSTER", resourceName: "" } as const;
const ofBroker = { resourceType: "BROKER", resourceName: "1" } as const;

let broker: OwnBroker;

beforeAll(async () => {
  broker = await ownBroker(port);
});

afterAll(() => broker[Symbol.asyncDispose]());

function ofTopic(resourceName: string) {
  return { resourceType: "TOPIC", resourceName } as const;
}

function set(name: string, value: string) {
  return { name, operation: "SET", value } as const;
}

function remove(name: string) {
  return { name, operation: "DELETE" } as const;
}

async function createTopic(name: string, configs: Record<string, string> = {}) {
  const request = { name, partitionCount: 1, configs: new Map(Object.entries(configs)) };
  await broker.call(topicService.createTopic, request);
}

type Resource = ReturnType<typeof ofTopic> | typeof cluster | typeof ofBroker;

async function describeConfig(resource: Resource, name: string) {
  const request = { ...resource, names: [name] };
  const { configs } = await broker.call(configService.describeConfigs, request);
  const [config] = configs;
  return [config?.value, config?.source];
}

async function refusal(answer: Promise<unknown>): Promise<RopewalkError> {
  const error: unknown = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof RopewalkError) return error;
  throw new Error(`not refused, but ${String(error)}`);
}

function produce(topic: string, size: number) {
  const recordBatch = batchOf(["x".repeat(size)]);
  return codeOf(broker.call(produceService.produce, { topic, recordBatch }));
}

describe("ConfigService", () => {
  test("ConfigService alters a topic that is used: the next batch is held to it", async () => {
    await createTopic("sizes");
    expect(await produce("sizes", 4000)).toBe("no error");
    const alterations = [set("max.message.bytes", "2000")];
    const request = { ...ofTopic("sizes"), alterations };
    const { configs } = await broker.call(configService.alterConfigs, request);
    expect(configs).toMatchObject([
      { name: "max.message.bytes", value: "2000", source: "TOPIC", defaultValue: "8388608" },
    ]);
    expect(await produce("sizes", 4000)).toBe("MESSAGE_TOO_LARGE");
    const back = { ...ofTopic("sizes"), alterations: [remove("max.message.bytes")] };
    await broker.call(configService.alterConfigs, back);
    expect(await produce("sizes", 4000)).toBe("no error");
  });

  test("ConfigService gives records the time of the leader where the topic asks for it", async () => {
    await createTopic("stamped");
    const timestamps = async () => {
      const start = { at: { case: "offset", value: 0 } } as const;
      const { recordBatches } = await broker.call(fetchService.fetch, { topic: "stamped", start });
      const batches = [...splitBatches(recordBatches)];
      return batches.flatMap((batch) => [...readRecords(batch)].map((each) => each.timestampMs));
    };
    await produce("stamped", 1);
    const alterations = [set("message.timestamp.type", "LogAppendTime")];
    await broker.call(configService.alterConfigs, { ...ofTopic("stamped"), alterations });
    const before = Date.now();
    await produce("stamped", 1);
    const [first, second = 0] = await timestamps();
    expect(first).toBe(1000);
    expect(second).toBeGreaterThanOrEqual(before);
  });

  test("ConfigService bounds the timestamps of records, which only then are looked at", async () => {
    await createTopic("timed"); // Batches of these tests are of the year 1970.
    expect(await produce("timed", 1)).toBe("no error");
    const alterations = [set("message.timestamp.before.max.ms", "60000")];
    await broker.call(configService.alterConfigs, { ...ofTopic("timed"), alterations });
    expect(await produce("timed", 1)).toBe("INVALID_TIMESTAMP");
    const stamped = [set("message.timestamp.type", "LogAppendTime")];
    await broker.call(configService.alterConfigs, { ...ofTopic("timed"), alterations: stamped });
    expect(await produce("timed", 1)).toBe("no error");
  });

  test("ConfigService changes all or nothing, and nothing where it only validates", async () => {
    await createTopic("whole");
    const some = [set("retention.ms", "5"), set("retention.bytes", "many")];
    const request = { ...ofTopic("whole"), alterations: some };
    const { code, invalidConfig } = await refusal(broker.call(configService.alterConfigs, request));
    expect(code).toBe("INVALID_CONFIG");
    expect(invalidConfig).toEqual({
      name: "retention.bytes",
      value: "many",
      validValues: "an integer from -1 to 999999999999999",
    });
    expect(await describeConfig(ofTopic("whole"), "retention.ms")).toEqual([
      "604800000",
      "DEFAULT",
    ]);
    const dry = { ...ofTopic("whole"), alterations: some.slice(0, 1), validateOnly: true };
    const { configs } = await broker.call(configService.alterConfigs, dry);
    expect(configs).toMatchObject([{ name: "retention.ms", value: "5", source: "TOPIC" }]);
    expect(await describeConfig(ofTopic("whole"), "retention.ms")).toEqual([
      "604800000",
      "DEFAULT",
    ]);
  });

  test("ConfigService makes the cluster's configs the defaults of topics, old and new", async () => {
    await createTopic("old");
    await createTopic("own", { "max.message.bytes": "3000" });
    const alterations = [set("message.max.bytes", "2000"), set("num.partitions", "5")];
    await broker.call(configService.alterConfigs, { ...cluster, alterations });
    expect(await describeConfig(ofTopic("old"), "max.message.bytes")).toEqual(["2000", "CLUSTER"]);
    expect(await describeConfig(ofTopic("own"), "max.message.bytes")).toEqual(["3000", "TOPIC"]);
    expect([await produce("old", 2500), await produce("own", 2500)]).toEqual([
      "MESSAGE_TOO_LARGE",
      "no error",
    ]);
    const { topic } = await broker.call(topicService.createTopic, { name: "new" });
    expect(topic?.partitions.length).toBe(5);
    const back = [remove("message.max.bytes"), remove("num.partitions")];
    await broker.call(configService.alterConfigs, { ...cluster, alterations: back });
    expect(await produce("old", 2500)).toBe("no error");
  });

  test("ConfigService lets one broker differ from the cluster", async () => {
    const name = "log.cleaner.backoff.ms";
    await broker.call(configService.alterConfigs, { ...cluster, alterations: [set(name, "100")] });
    expect(await describeConfig(ofBroker, name)).toEqual(["100", "CLUSTER"]);
    await broker.call(configService.alterConfigs, { ...ofBroker, alterations: [set(name, "200")] });
    expect(await describeConfig(ofBroker, name)).toEqual(["200", "BROKER"]);
    expect(await describeConfig(ofBroker, "advertised.listeners")).toEqual([
      `127.0.0.1:${port}`,
      "STATIC_BROKER",
    ]);
  });

  test("ConfigService pages, and answers for every name that Kafka has", async () => {
    const names: string[] = [];
    let pageToken = "";
    do {
      const request = { ...cluster, pageSize: 3, pageToken };
      const page = await broker.call(configService.describeConfigs, request);
      expect(page.configs.length).toBeLessThanOrEqual(3);
      names.push(...page.configs.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(names).toContain("log.retention.ms");
    expect(names).toEqual([...new Set(names)].toSorted());
    await createTopic("named");
    const request = { ...ofTopic("named"), names: ["segment.index.bytes", "nobody.knows"] };
    const { configs } = await broker.call(configService.describeConfigs, request);
    expect(configs).toMatchObject([{ name: "segment.index.bytes", support: "UNSUPPORTED" }]);
    const many = { ...cluster, names: Array.from({ length: 1001 }, (_, each) => `name.${each}`) };
    expect(await codeOf(broker.call(configService.describeConfigs, many))).toBe("INVALID_REQUEST");
  });

  test("ConfigService refuses resources that are not there, and configs that they cannot have", async () => {
    const alterations = [set("retention.ms", "5")];
    const alter = (resource: object) =>
      codeOf(broker.call(configService.alterConfigs, { ...resource, alterations }));
    expect(await alter(ofTopic("nowhere"))).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    expect(await alter({ resourceType: "BROKER", resourceName: "9" })).toBe("INVALID_REQUEST");
    expect(await alter({})).toBe("INVALID_REQUEST");
    expect(await alter(ofBroker), "brokers have no retention of their own").toBe("INVALID_CONFIG");
    const own = { ...ofBroker, alterations: [set("log.retention.ms", "5")] };
    const shared = await refusal(broker.call(configService.alterConfigs, own));
    expect(shared.message).toContain("it is the same on all brokers: set the cluster's");
    const mapped = { ...cluster, alterations: [set("auto.create.topics.enable", "true")] };
    const { invalidConfig } = await refusal(broker.call(configService.alterConfigs, mapped));
    expect(invalidConfig).toMatchObject({ value: "true", validValues: "false" });
  });

  test("ConfigService keeps what was altered across a restart, and so does a topic that grew", async () => {
    await createTopic("kept", { "retention.ms": "9" });
    const alterations = [set("segment.ms", "77"), remove("retention.ms")];
    await broker.call(configService.alterConfigs, { ...ofTopic("kept"), alterations });
    const levels = [set("log.roll.ms", "55")];
    await broker.call(configService.alterConfigs, { ...cluster, alterations: levels });
    await broker.call(topicService.createPartitions, { topic: "kept", partitionCount: 3 });
    const recordBatch = batchOf(["a"]);
    await broker.call(produceService.produce, { topic: "kept", partition: 2, recordBatch });
    await broker.again(() => {});
    expect(await describeConfig(ofTopic("kept"), "segment.ms")).toEqual(["77", "TOPIC"]);
    expect(await describeConfig(ofTopic("kept"), "retention.ms")).toEqual(["604800000", "DEFAULT"]);
    expect(await describeConfig(cluster, "log.roll.ms")).toEqual(["55", "CLUSTER"]);
    const more = { topic: "kept", partition: 2, recordBatch };
    const { baseOffset } = await broker.call(produceService.produce, more);
    expect(baseOffset).toBe(1);
  });
});

describe("TopicService", () => {
  test("TopicService.CreatePartitions adds partitions that take records at once", async () => {
    await createTopic("grows");
    const request = { topic: "grows", partitionCount: 4 };
    const dry = await broker.call(topicService.createPartitions, {
      ...request,
      validateOnly: true,
    });
    expect(dry.topic?.partitions.length).toBe(4);
    const described = await broker.call(topicService.describeTopic, { name: "grows" });
    expect(described.topic?.partitions.length).toBe(1);
    const { topic } = await broker.call(topicService.createPartitions, request);
    expect(topic?.partitions.map(({ leaderId }) => leaderId)).toEqual([1, 1, 1, 1]);
    const recordBatch = batchOf(["a"]);
    const toLast = { topic: "grows", partition: 3, recordBatch };
    expect(await codeOf(broker.call(produceService.produce, toLast))).toBe("no error");
    expect(await codeOf(broker.call(topicService.createPartitions, request))).toBe(
      "INVALID_PARTITIONS",
    );
    const unknown = { topic: "nowhere", partitionCount: 4 };
    expect(await codeOf(broker.call(topicService.createPartitions, unknown))).toBe(
      "UNKNOWN_TOPIC_OR_PARTITION",
    );
  });

  test("TopicService.CreatePartitions gives each of many callers what it asked for, or says no", async () => {
    await createTopic("contended");
    const answers = await Promise.all(
      [2, 5, 3, 7, 4].map((partitionCount) =>
        codeOf(broker.call(topicService.createPartitions, { topic: "contended", partitionCount })),
      ),
    );
    const { topic } = await broker.call(topicService.describeTopic, { name: "contended" });
    expect(topic?.partitions.length).toBe(7);
    expect(new Set(answers)).toEqual(new Set(["no error", "INVALID_PARTITIONS"]));
  });

  test("TopicService.CreateTopic checks everything and makes nothing where it only validates", async () => {
    const make = (name: string, configs: Record<string, string> = {}) => {
      const request = { name, partitionCount: 2, configs: new Map(Object.entries(configs)) };
      return broker.call(topicService.createTopic, { ...request, validateOnly: true });
    };
    const { topic } = await make("imagined", { "retention.ms": "5" });
    expect(topic).toMatchObject({
      name: "imagined",
      topicId: "",
      configs: new Map([["retention.ms", "5"]]),
    });
    expect(topic?.partitions.length).toBe(2);
    await createTopic("real");
    expect(await codeOf(make("real"))).toBe("TOPIC_ALREADY_EXISTS");
    expect(await codeOf(make("imagined", { "retention.ms": "x" }))).toBe("INVALID_CONFIG");
    expect(await codeOf(make("__own"))).toBe("INVALID_TOPIC");
    expect(await codeOf(broker.call(topicService.describeTopic, { name: "imagined" }))).toBe(
      "UNKNOWN_TOPIC_OR_PARTITION",
    );
  });

  test("TopicService.DeleteTopic leaves the name free, and nothing of the data", async () => {
    for (let round = 0; round < 3; round += 1) {
      await createTopic("again");
      const recordBatch = batchOf([`round ${round}`]);
      const { baseOffset } = await broker.call(produceService.produce, {
        topic: "again",
        recordBatch,
      });
      expect(baseOffset).toBe(0);
      await broker.call(topicService.deleteTopic, { name: "again" });
    }
    expect(await produce("again", 1)).toBe("UNKNOWN_TOPIC_OR_PARTITION");
  });
});
