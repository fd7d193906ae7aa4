import {
  clusterService,
  fetchService,
  groupService,
  partitionService,
  produceService,
  RopewalkError,
  topicService,
} from "@ropewalk/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { batchOf, codeOf, type OwnBroker, ownBroker } from "../../fakes/own-broker.ts";
import { supportedFeatureLevels } from "../controller/feature-level.ts";

/** Ports of one test file must not meet those of another. */
const port = 22_500 + (process.pid % 400);

let broker: OwnBroker;

beforeAll(async () => {
  broker = await ownBroker(port);
  await broker.call(topicService.createTopic, { name: "t", partitionCount: 5 });
});

afterAll(() => broker[Symbol.asyncDispose]());

async function errorOf(answer: Promise<unknown>): Promise<RopewalkError> {
  try {
    await answer;
  } catch (error) {
    if (error instanceof RopewalkError) return error;
    throw error;
  }
  throw new Error("the call was answered");
}

test("DescribeTopic answers its partitions on pages, and all of them where nobody asks for pages", async () => {
  const all = await broker.call(topicService.describeTopic, { name: "t" });
  expect(all.nextPageToken).toBe("");
  expect(all.topic?.partitions).toHaveLength(5);
  const numbers: number[][] = [];
  for (let pageToken = ""; ;) {
    const request = { name: "t", pageSize: 2, pageToken };
    const page = await broker.call(topicService.describeTopic, request);
    numbers.push(page.topic?.partitions.map(({ partition }) => partition) ?? []);
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  expect(numbers).toEqual([[0, 1], [2, 3], [4]]);
});

test("FetchOffsets and DescribeGroup answer offsets on pages", async () => {
  const offsets = [4, 2, 0].map((partition) => ({ topic: "t", partition, offset: 0 }));
  const group = { groupId: "g", memberId: "", memberEpoch: -1 };
  await broker.call(groupService.commitOffsets, { ...group, offsets });
  const fetched = await broker.call(groupService.fetchOffsets, { groupId: "g", pageSize: 2 });
  expect(fetched.offsets.map(({ partition }) => partition)).toEqual([0, 2]);
  const rest = { groupId: "g", pageToken: fetched.nextPageToken };
  const last = await broker.call(groupService.fetchOffsets, rest);
  expect(last.offsets.map(({ partition }) => partition)).toEqual([4]);
  expect(last.nextPageToken).toBe("");
  const described = await broker.call(groupService.describeGroup, { groupId: "g", pageSize: 1 });
  expect(described.offsets).toHaveLength(1);
  expect(described.nextPageToken).not.toBe("");
});

test("a list that is too long is refused with what would be possible", async () => {
  const topics = Array.from({ length: 1001 }, (_, at) => `t${at}`);
  const error = await errorOf(broker.call(clusterService.getMetadata, { topics }));
  expect(error).toMatchObject({
    code: "INVALID_REQUEST",
    validRange: { name: "topics", min: 0, max: 1000 },
  });
  const partitions = Array.from({ length: 10_001 }, () => 0);
  const offsets = broker.call(fetchService.listOffsets, { topic: "t", partitions });
  expect(await codeOf(offsets)).toBe("INVALID_REQUEST");
});

test("errors say which numbers are possible", async () => {
  await broker.call(topicService.createTopic, { name: "read", partitionCount: 1 });
  const produce = { topic: "read", partition: 0, recordBatch: batchOf(["a", "b"]) };
  await broker.call(produceService.produce, produce);
  const start = { at: { case: "offset", value: 9 } } as const;
  const beyond = broker.call(fetchService.fetch, { topic: "read", partition: 0, start });
  expect((await errorOf(beyond)).validRange).toEqual({ name: "offset", min: 0, max: 2 });
  const grow = broker.call(topicService.createPartitions, { topic: "t", partitionCount: 3 });
  expect((await errorOf(grow)).validRange).toMatchObject({ name: "partition_count", min: 6 });
  const request = { topic: "t", replicationFactor: 4 };
  const alter = broker.call(partitionService.alterReplicationFactor, request);
  expect((await errorOf(alter)).validRange).toEqual({ name: "replication_factor", min: 1, max: 1 });
});

test("Fetch answers before the client's deadline, though it was to wait for longer", async () => {
  await broker.call(topicService.createTopic, { name: "empty", partitionCount: 1 });
  const start = { at: { case: "edge", value: "EARLIEST" } } as const;
  const request = { topic: "empty", partition: 0, start, waitMsMax: 20_000 };
  const { recordBatches } = await broker.callWithin(3_000, fetchService.fetch, request);
  expect(recordBatches.length).toBe(0);
});

test("a mask cuts an answer to what is wanted, and names what there is where it is wrong", async () => {
  const describe = () =>
    broker.call(clusterService.describeCluster, {
      readMask: { paths: ["brokers.broker_id", "feature_level"] },
    });
  // A cluster begins at the level that every version knows.
  const featureLevel = supportedFeatureLevels.max;
  await expect.poll(async () => (await describe()).featureLevel).toBe(featureLevel);
  const described = await describe();
  expect(described).toMatchObject({ clusterId: "", topicCount: 0, featureLevel });
  expect(described.brokers).toMatchObject([{ brokerId: 1, host: "", replicaCount: 0 }]);
  const readMask = { paths: ["topic.partitions.leader_id"] };
  const request = { name: "t", pageSize: 2, readMask };
  const page = await broker.call(topicService.describeTopic, request);
  expect(page.topic?.name).toBe("");
  expect(page.topic?.partitions).toMatchObject([{ leaderId: 1 }, { leaderId: 1, replicaIds: [] }]);
  expect(page.nextPageToken).not.toBe("");
  const wrong = { readMask: { paths: ["broker"] } };
  const error = await errorOf(broker.call(clusterService.describeCluster, wrong));
  expect(error.message).toContain("the answer has cluster_id, controller_id");
});
