import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  type CreatePartitionsRequest,
  type CreatePartitionsResponseInit,
  type CreateTopicRequest,
  type CreateTopicResponseInit,
  type DeleteRecordsRequest,
  type DeleteRecordsRequestPartitionOffset,
  type DeleteRecordsResponseInit,
  type DeleteRecordsResponsePartitionStartInit,
  type DeleteTopicRequest,
  type DescribeTopicRequest,
  type DescribeTopicResponseInit,
  type ListTopicsRequest,
  type ListTopicsResponseInit,
  RopewalkError,
  toProtoError,
  type TopicDescriptionInit,
} from "@ropewalk/protocol";
import type { Clock, Logger } from "@ropewalk/runtime";
import {
  anonymous,
  type BrokerPorts,
  type PartitionView,
  type Patience,
  type TopicView,
} from "../ports.ts";
import { expectJoined } from "../membership/joined.ts";
import { numberKey, pageOf } from "../page.ts";
import { patienceMs, toRopewalkError, unary, workMs } from "./unary.ts";

/** As many as a topic can have: a client that knows of no pages gets them all. */
const partitionsPerPageMax = 10_000;

/** Answers `ropewalk.v1.TopicService`. */
export function topicHandlers(
  ports: BrokerPorts,
  logger: Logger,
  clock: Clock,
): UntypedServiceImplementation {
  return {
    ...topicChanges(ports, logger, clock),
    listTopics: unary(logger, (request: ListTopicsRequest) => listTopics(ports, request)),
    describeTopic: unary(logger, (request: DescribeTopicRequest) => describeTopic(ports, request)),
    deleteRecords: unary(logger, (request: DeleteRecordsRequest, deadlineMs) =>
      deleteRecords(ports, logger, request, { timeoutMs: workMs(clock, deadlineMs) }),
    ),
  };
}

/** What goes on to the controller, as long as the client waits. */
function topicChanges(
  { topics }: BrokerPorts,
  logger: Logger,
  clock: Clock,
): UntypedServiceImplementation {
  return {
    createTopic: unary(
      logger,
      async (request: CreateTopicRequest, deadlineMs): Promise<CreateTopicResponseInit> => {
        const { validateOnly } = request;
        const options = { validateOnly, timeoutMs: patienceMs(clock, deadlineMs) };
        return { topic: describe(await topics.createTopic(anonymous, request, options)) };
      },
    ),
    createPartitions: unary(
      logger,
      async (
        { partitionCount, topic, validateOnly }: CreatePartitionsRequest,
        deadlineMs,
      ): Promise<CreatePartitionsResponseInit> => {
        const options = { validateOnly, timeoutMs: patienceMs(clock, deadlineMs) };
        const grown = await topics.createPartitions(anonymous, topic, partitionCount, options);
        return { topic: describe(grown) };
      },
    ),
    deleteTopic: unary(logger, async ({ name }: DeleteTopicRequest, deadlineMs) => {
      await topics.deleteTopic(anonymous, name, { timeoutMs: patienceMs(clock, deadlineMs) });
      return {};
    }),
  };
}

/** A topic as messages have it. */
export function describe(topic: TopicView): TopicDescriptionInit {
  return topic;
}

function describeTopic(
  ports: BrokerPorts,
  { name, pageSize, pageToken }: DescribeTopicRequest,
): DescribeTopicResponseInit {
  const topic = topicNamed(ports, name);
  const keyOf = ({ partition }: PartitionView): string => numberKey(partition);
  const page = pageOf(topic.partitions, keyOf, pageSize, pageToken, partitionsPerPageMax);
  return {
    topic: describe({ ...topic, partitions: page.items }),
    nextPageToken: page.nextPageToken,
  };
}

function topicNamed(ports: BrokerPorts, name: string): TopicView {
  const topic = ports.cluster.topic(name);
  if (topic !== undefined) return topic;
  expectJoined(ports);
  throw new RopewalkError(
    "UNKNOWN_TOPIC_OR_PARTITION",
    `Cannot describe topic ${JSON.stringify(name)}: it does not exist`,
  );
}

function listTopics(ports: BrokerPorts, request: ListTopicsRequest): ListTopicsResponseInit {
  expectJoined(ports);
  const topics = ports.cluster
    .topics()
    .filter(({ internal }) => request.includeInternal || !internal)
    .map(({ name, topicId, internal, partitions }) => ({
      name,
      topicId,
      internal,
      partitionCount: partitions.length,
      replicationFactor: partitions[0]?.replicaIds.length ?? 0,
    }));
  const page = pageOf(topics, ({ name }) => name, request.pageSize, request.pageToken);
  return { topics: page.items, nextPageToken: page.nextPageToken };
}

async function deleteRecords(
  ports: BrokerPorts,
  logger: Logger,
  { offsets, topic }: DeleteRecordsRequest,
  patience: Patience,
): Promise<DeleteRecordsResponseInit> {
  const starts = offsets.map((offset) =>
    deleteBelow(ports, logger, { topic, ...offset }, patience),
  );
  return { starts: await Promise.all(starts) };
}

async function deleteBelow(
  ports: BrokerPorts,
  logger: Logger,
  { offset, partition, topic }: DeleteRecordsRequestPartitionOffset & { readonly topic: string },
  patience: Patience,
): Promise<DeleteRecordsResponsePartitionStartInit> {
  try {
    const log = ports.partitions.leader(topic, partition);
    return { partition, logStartOffset: await log.deleteRecords(anonymous, offset, patience) };
  } catch (error) {
    return { partition, error: toProtoError(toRopewalkError(error, logger)) };
  }
}
