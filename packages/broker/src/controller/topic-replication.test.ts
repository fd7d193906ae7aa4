import { RopewalkError } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { sampleRegistration } from "../../fakes/sample-broker.ts";
import { type BrokerDuty, newBrokerLife } from "./broker-life.ts";
import { MetadataImage } from "./metadata-image.ts";
import { replicateTopic } from "./topic-replication.ts";

/** A cluster with one topic of these replicas. */
function imageOf(
  duties: readonly BrokerDuty[],
  replicaIds: readonly (readonly number[])[],
  configs: ReadonlyMap<string, string> = new Map(),
): MetadataImage {
  const image = new MetadataImage();
  for (const [at, duty] of duties.entries()) {
    const brokerId = at + 1;
    const broker = sampleRegistration(brokerId);
    const { directoryId } = broker;
    image.apply({ kind: "brokerRegistered", broker, replacedDirectoryId: "" }, 1);
    const life = { ...newBrokerLife, duty };
    image.apply({ kind: "brokerStateChanged", brokerId, directoryId, life }, 2);
  }
  const partitions = replicaIds.map((ids) => ({ replicaIds: ids }));
  const topic = { name: "t", topicId: "t", internal: false, configs, partitions };
  image.apply({ kind: "topicCreated", ...topic }, 3);
  return image;
}

function targets(
  image: MetadataImage,
  replicationFactor: number,
  silentIds: readonly number[] = [],
) {
  const isAlive = (id: number): boolean => !silentIds.includes(id);
  const plan = replicateTopic({ image, isAlive, topic: "t", replicationFactor });
  return plan.map(({ wanted }) => [wanted.partition, ...wanted.targetIds]);
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return error instanceof RopewalkError ? error.code : String(error);
  }
  return "none";
}

const three = ["serving", "serving", "serving"] as const;

describe("replicateTopic()", () => {
  test("names the partitions that change, and no others", () => {
    expect(targets(imageOf(three, [[1], [2, 3], [3]]), 2)).toEqual([
      [0, 1, 2],
      [2, 3, 1],
    ]);
  });

  test("takes partitions that move already for where they are going", () => {
    const image = imageOf(three, [[1], [2]]);
    const assignments = [{ topic: "t", partition: 0, groupId: 2, targetIds: [1, 3] }];
    image.apply({ kind: "partitionsReassigned", assignments }, 4);
    expect(targets(image, 2)).toEqual([[1, 2, 1]]);
  });

  test("refuses a number that the brokers which take new replicas cannot hold", () => {
    const image = imageOf(["serving", "serving", "drained"], [[1]]);
    expect(targets(image, 2)).toEqual([[0, 1, 2]]);
    for (const count of [0, -1, 3, 17]) {
      expect(codeOf(() => targets(image, count))).toBe("INVALID_REPLICATION_FACTOR");
    }
    expect(codeOf(() => targets(image, 2, [2]))).toBe("INVALID_REPLICATION_FACTOR");
  });

  test("refuses what would leave a partition without a majority that is alive", () => {
    const image = imageOf(three, [[1, 2, 3]]);
    expect(targets(image, 2, [3])).toEqual([[0, 1, 2]]);
    expect(codeOf(() => targets(image, 2, [2, 3]))).toBe("INVALID_REPLICA_ASSIGNMENT");
  });

  test("refuses fewer than min.insync.replicas of the topic wants", () => {
    const image = imageOf(three, [[1, 2, 3]], new Map([["min.insync.replicas", "2"]]));
    expect(codeOf(() => targets(image, 1))).toBe("INVALID_CONFIG");
    expect(targets(image, 2)).toEqual([[0, 1, 2]]);
  });

  test("says that a topic is not there", () => {
    const image = imageOf(three, [[1]]);
    const replicate = () =>
      replicateTopic({ image, isAlive: () => true, topic: "no", replicationFactor: 2 });
    expect(codeOf(replicate)).toBe("UNKNOWN_TOPIC_OR_PARTITION");
  });
});
