import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  type BrokerDescriptionInit,
  type BrokerState as BrokerStateName,
  type ControllerRole,
  type DecommissionBrokerResponseInit,
  type DescribeClusterRequest,
  type DescribeClusterResponseInit,
  type DrainBrokerRequest,
  type DrainBrokerResponseInit,
  type GetMetadataRequest,
  type GetMetadataResponseInit,
  RopewalkError,
  type UpgradeFeatureLevelRequest,
} from "@ropewalk/protocol";
import type { Clock, Logger } from "@ropewalk/runtime";
import {
  anonymous,
  type BrokerAdmin,
  type BrokerPorts,
  type BrokerState,
  type BrokerView,
} from "../ports.ts";
import { expectJoined, expectNotExcluded } from "../membership/joined.ts";
import { describe } from "./topic-service.ts";
import { isWanted } from "./read-mask.ts";
import { patienceMs, unary, type UnaryHandler } from "./unary.ts";

/** Leaderless partitions that one answer names; how many there are is in the metrics. */
const leaderlessNamedMax = 1000;

/** Partitions of all topics of one answer: a few megabytes. */
const metadataPartitionsMax = 100_000;

/** Answers `ropewalk.v1.ClusterService`. */
export function clusterHandlers(
  ports: BrokerPorts,
  logger: Logger,
  clock: Clock,
): UntypedServiceImplementation {
  const duty = (
    verb: Exclude<keyof BrokerAdmin, "decommission">,
  ): UnaryHandler<DrainBrokerRequest, DrainBrokerResponseInit> =>
    unary(logger, async (request, deadlineMs) => {
      const { broker } = await changed(ports, verb, request, patienceMs(clock, deadlineMs));
      return { broker };
    });
  return {
    describeCluster: unary(logger, (request: DescribeClusterRequest) =>
      describeCluster(ports, request),
    ),
    getMetadata: unary(logger, (request: GetMetadataRequest) => getMetadata(ports, request)),
    drainBroker: duty("drain"),
    undrainBroker: duty("undrain"),
    decommissionBroker: unary(
      logger,
      (request: DrainBrokerRequest, deadlineMs): Promise<DecommissionBrokerResponseInit> =>
        changed(ports, "decommission", request, patienceMs(clock, deadlineMs)),
    ),
    upgradeFeatureLevel: unary(logger, ({ dryRun }: UpgradeFeatureLevelRequest, deadlineMs) =>
      ports.features.upgrade(anonymous, { dryRun, timeoutMs: patienceMs(clock, deadlineMs) }),
    ),
  };
}

function describeCluster(
  ports: BrokerPorts,
  request: DescribeClusterRequest,
): DescribeClusterResponseInit {
  expectNotExcluded(ports);
  const { cluster } = ports;
  // These look at every partition.
  const hasCounts = isWanted(request, "topic_count") || isWanted(request, "partition_count");
  const topics = hasCounts ? cluster.topics() : [];
  const leaderless = isWanted(request, "leaderless") ? cluster.leaderless() : [];
  return {
    clusterId: cluster.clusterId(),
    controllerId: cluster.controllerId(),
    brokerId: cluster.brokerId,
    brokers: cluster.brokers().map((broker) => describeBroker(broker)),
    featureLevel: cluster.featureLevel(),
    leaderless: leaderless.slice(0, leaderlessNamedMax),
    topicCount: topics.length,
    partitionCount: topics.reduce((sum, { partitions }) => sum + partitions.length, 0),
  };
}

/** Does what is asked, and answers the broker as it was before, and what is left without it. */
async function changed(
  { brokers, cluster }: BrokerPorts,
  verb: keyof BrokerAdmin,
  { brokerId, dryRun }: DrainBrokerRequest,
  timeoutMs: number | undefined,
): Promise<DecommissionBrokerResponseInit> {
  const before = cluster.brokers().find((broker) => broker.brokerId === brokerId);
  const outcome = await brokers[verb](anonymous, brokerId, { dryRun, timeoutMs });
  if (outcome.kind === "removed") return { broker: { brokerId, state: "REMOVED" } };
  const { metadataVoterCount } = outcome;
  const broker = before === undefined ? undefined : describeBroker(before);
  return { broker, metadataVoterCount };
}

const stateNames: Readonly<Record<BrokerState, BrokerStateName>> = {
  active: "ACTIVE",
  fenced: "FENCED",
  draining: "DRAINING",
  drained: "DRAINED",
  decommissioning: "DECOMMISSIONING",
};

const roleNames: Readonly<Record<BrokerView["controllerRole"], ControllerRole>> = {
  voter: "VOTER",
  learner: "LEARNER",
  none: "UNSPECIFIED",
};

function describeBroker(broker: BrokerView): BrokerDescriptionInit {
  return {
    ...broker,
    state: stateNames[broker.state],
    controllerRole: roleNames[broker.controllerRole],
    peerHost: broker.peer.host,
    peerPort: broker.peer.port,
    featureLevelMin: broker.featureLevels.min,
    featureLevelMax: broker.featureLevels.max,
  };
}

function getMetadata(ports: BrokerPorts, request: GetMetadataRequest): GetMetadataResponseInit {
  expectJoined(ports);
  const { cluster } = ports;
  const topics = request.topics.flatMap((name) => cluster.topic(name) ?? []);
  const partitionCount = topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
  if (partitionCount > metadataPartitionsMax) throw tooManyPartitions(partitionCount);
  return {
    clusterId: cluster.clusterId(),
    controllerId: cluster.controllerId(),
    brokers: cluster.brokers().map((broker) => describeBroker(broker)),
    topics: topics.map((topic) => describe(topic)),
  };
}

function tooManyPartitions(count: number): RopewalkError {
  return new RopewalkError(
    "MESSAGE_TOO_LARGE",
    `Cannot answer with the metadata of ${count} partitions, where ${metadataPartitionsMax} are possible: ask for fewer topics at a time`,
    { validRange: { name: "partitions", min: 0, max: metadataPartitionsMax } },
  );
}
