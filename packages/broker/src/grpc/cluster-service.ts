import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type {
  DescribeClusterResponseInit,
  GetMetadataRequest,
  GetMetadataResponseInit,
} from "@ropewalk/protocol";
import type { Logger } from "@ropewalk/runtime";
import type { BrokerPorts } from "../ports.ts";
import { expectJoined } from "../joined.ts";
import { describe } from "./topic-service.ts";
import { unary } from "./unary.ts";

/** Leaderless partitions that one answer names; how many there are is in the metrics. */
const leaderlessNamedMax = 1000;

/** Answers `ropewalk.v1.ClusterService`. */
export function clusterHandlers(ports: BrokerPorts, logger: Logger): UntypedServiceImplementation {
  return {
    describeCluster: unary(logger, () => describeCluster(ports)),
    getMetadata: unary(logger, (request: GetMetadataRequest) => getMetadata(ports, request)),
  };
}

function describeCluster({ cluster }: BrokerPorts): DescribeClusterResponseInit {
  const topics = cluster.topics();
  return {
    clusterId: cluster.clusterId(),
    controllerId: cluster.controllerId(),
    brokerId: cluster.brokerId,
    brokers: cluster.brokers(),
    leaderless: cluster.leaderless().slice(0, leaderlessNamedMax),
    topicCount: topics.length,
    partitionCount: topics.reduce((sum, { partitions }) => sum + partitions.length, 0),
  };
}

function getMetadata(ports: BrokerPorts, request: GetMetadataRequest): GetMetadataResponseInit {
  expectJoined(ports);
  const { cluster } = ports;
  const topics = request.topics.flatMap((name) => cluster.topic(name) ?? []);
  return {
    clusterId: cluster.clusterId(),
    controllerId: cluster.controllerId(),
    brokers: cluster.brokers(),
    topics: topics.map((topic) => describe(topic)),
  };
}
