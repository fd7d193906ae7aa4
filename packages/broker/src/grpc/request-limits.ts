import { RopewalkError } from "@ropewalk/protocol";
import { partitionsPerMemberMax, topicsPerMemberMax } from "../group/heartbeat-check.ts";

/** Elements that a list of a request may have, by the path of the field. */
type Limits = Readonly<Record<string, number>>;

/** What one call may name or change. */
const namedMax = 1000;
const maskPathsMax = 100;
/** Partitions of one topic. */
const partitionsMax = 10_000;
const configsMax = 100;
/** Of all partitions together: sixteen each. */
const replicasMax = 16 * namedMax;
/** Records that the broker itself encodes: whoever sends many sends a batch. */
const recordsMax = 100_000;
const headersMax = 1_000_000;

/**
 * How long every list of every request may be: method, then field. What a broker can be made to do by one call is
 * bounded by this, not by the size of the message alone.
 */
export const requestLimits: Readonly<Record<string, Limits>> = {
  "/ropewalk.v1.ProduceService/Produce": { records: recordsMax, "records.headers": headersMax },
  "/ropewalk.v1.FetchService/ListOffsets": { partitions: partitionsMax },
  "/ropewalk.v1.TopicService/ListTopics": { "readMask.paths": maskPathsMax },
  "/ropewalk.v1.TopicService/DescribeTopic": { "readMask.paths": maskPathsMax },
  "/ropewalk.v1.TopicService/CreateTopic": { configs: configsMax },
  "/ropewalk.v1.TopicService/DeleteRecords": { offsets: partitionsMax },
  "/ropewalk.v1.PartitionService/ReassignPartitions": {
    partitions: namedMax,
    "partitions.replicaIds": replicasMax,
    topics: namedMax,
  },
  "/ropewalk.v1.PartitionService/ListReassignments": { "readMask.paths": maskPathsMax },
  "/ropewalk.v1.PartitionService/CancelReassignments": { partitions: namedMax },
  "/ropewalk.v1.ConfigService/DescribeConfigs": { names: namedMax, "readMask.paths": maskPathsMax },
  "/ropewalk.v1.ConfigService/AlterConfigs": { alterations: configsMax },
  "/ropewalk.v1.ClusterService/DescribeCluster": { "readMask.paths": maskPathsMax },
  "/ropewalk.v1.ClusterService/GetMetadata": { topics: namedMax },
  "/ropewalk.v1.GroupService/DescribeGroup": { "readMask.paths": maskPathsMax },
  "/ropewalk.v1.GroupService/Heartbeat": {
    topics: topicsPerMemberMax,
    owned: topicsPerMemberMax,
    "owned.partitions": partitionsPerMemberMax,
  },
  "/ropewalk.v1.GroupService/CommitOffsets": { offsets: partitionsPerMemberMax },
  "/ropewalk.v1.GroupService/FetchOffsets": {
    partitions: topicsPerMemberMax,
    "partitions.partitions": partitionsPerMemberMax,
  },
};

/** Throws INVALID_REQUEST where a list of the request is longer than it may be. */
export function checkRequestLimits(path: string, request: object): void {
  for (const [field, max] of Object.entries(requestLimits[path] ?? {})) {
    const count = countAt(request, field.split("."));
    if (count <= max) continue;
    throw new RopewalkError(
      "INVALID_REQUEST",
      `Cannot take ${path.split("/")[2]}: ${field} has ${count} elements, where ${max} are possible`,
      { validRange: { name: field, min: 0, max } },
    );
  }
}

/** Elements of a list; of lists within a list, all together. */
function countAt(message: object, [name = "", ...rest]: readonly string[]): number {
  const value: unknown = Reflect.get(message, name);
  if (value instanceof Map) return value.size;
  if (!Array.isArray(value)) return isMessage(value) && rest.length > 0 ? countAt(value, rest) : 0;
  if (rest.length === 0) return value.length;
  let count = 0;
  for (const each of value) if (isMessage(each)) count += countAt(each, rest);
  return count;
}

function isMessage(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
