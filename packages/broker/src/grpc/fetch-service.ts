import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  type FetchRequest,
  type FetchResponseInit,
  type ListOffsetsRequest,
  type ListOffsetsResponseInit,
  type ListOffsetsResponsePartitionOffsetInit,
  toProtoError,
} from "@ropewalk/protocol";
import type { Clock, Logger } from "@ropewalk/runtime";
import {
  anonymous,
  type BrokerPorts,
  type ReadablePartition,
  type StartPosition,
} from "../ports.ts";
import { FetchStream, type FetchStreamOptions } from "./fetch-stream.ts";
import { toStartPosition } from "./start-position.ts";
import { patienceMs, toRopewalkError, unary } from "./unary.ts";

const waitMsMax = 30_000;
/** So long before the deadline an empty answer leaves. */
const answerMs = 50;

/** Answers `ropewalk.v1.FetchService`. */
export function fetchHandlers(
  ports: BrokerPorts,
  logger: Logger,
  stream: FetchStreamOptions,
): UntypedServiceImplementation {
  return {
    fetch: unary(logger, (request: FetchRequest, deadlineMs) =>
      fetch(ports, stream, request, patienceMs(stream.clock, deadlineMs)),
    ),
    fetchStream: (call: ConstructorParameters<typeof FetchStream>[0]) => {
      void new FetchStream(call, stream); // It lives as long as the call, which holds it.
    },
    listOffsets: unary(logger, (request: ListOffsetsRequest) =>
      listOffsets(ports, logger, request),
    ),
  };
}

async function fetch(
  ports: BrokerPorts,
  { bytesMax: answerBytesMax, clock }: FetchStreamOptions,
  request: FetchRequest,
  patience: number | undefined,
): Promise<FetchResponseInit> {
  const source = request.anyReplica ? "replica" : "leader";
  const log = ports.partitions[source](request.topic, request.partition);
  const startOffset = await log.resolve(toStartPosition(request.start));
  // An answer that comes after the deadline is of no use to anybody.
  const waitMs = Math.min(request.waitMsMax, waitMsMax, (patience ?? Infinity) - answerMs);
  if (startOffset >= log.highWatermark() && waitMs > 0)
    await recordsAt(log, startOffset, waitMs, clock);
  const bytesMax =
    request.bytesMax > 0 ? Math.min(request.bytesMax, answerBytesMax) : answerBytesMax;
  const { batches, nextOffset } = await log.read(anonymous, startOffset, bytesMax);
  return {
    recordBatches: batches,
    startOffset,
    nextOffset,
    highWatermark: log.highWatermark(),
    logStartOffset: log.startOffset(),
  };
}

function recordsAt(
  log: ReadablePartition,
  offset: number,
  waitMs: number,
  clock: Clock,
): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(waitMs, () => {
      cancel();
      resolve();
    });
    const cancel = log.awaitRecords(offset, () => {
      timer.cancel();
      resolve();
    });
  });
}

async function listOffsets(
  ports: BrokerPorts,
  logger: Logger,
  request: ListOffsetsRequest,
): Promise<ListOffsetsResponseInit> {
  const at = toStartPosition(request.at);
  const numbers =
    request.partitions.length > 0
      ? request.partitions
      : ports.partitions.ledPartitions(request.topic).map(({ partition }) => partition);
  const offsets = numbers.map((partition) => offsetOf(ports, logger, request.topic, partition, at));
  return { offsets: await Promise.all(offsets) };
}

async function offsetOf(
  ports: BrokerPorts,
  logger: Logger,
  topic: string,
  partition: number,
  at: StartPosition,
): Promise<ListOffsetsResponsePartitionOffsetInit> {
  try {
    const log = ports.partitions.leader(topic, partition);
    const offset = await log.resolve(at);
    const logStartOffset = log.startOffset();
    return { partition, offset, highWatermark: log.highWatermark(), logStartOffset };
  } catch (error) {
    return { partition, error: toProtoError(toRopewalkError(error, logger)) };
  }
}
