import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  type InitProducerIdResponseInit,
  type ProduceRequest,
  type ProduceResponseInit,
  RecordBatchBuilder,
  RopewalkError,
} from "@ropewalk/protocol";
import type { Clock, Logger } from "@ropewalk/runtime";
import { anonymous, type BrokerPorts } from "../ports.ts";
import { ProduceStream, type ProduceStreamOptions } from "./produce-stream.ts";
import { settledWithin } from "../settled-within.ts";
import { unary, workMs } from "./unary.ts";

/** Until then some of the batches in flight are durable. */
const budgetWaitMs = 50;
/** Some 70,000 years; timestamps in a batch may not lie further apart. */
const timestampMsMax = 2 ** 51;

/** Answers `ropewalk.v1.ProduceService`. */
export function produceHandlers(
  ports: BrokerPorts,
  logger: Logger,
  stream: ProduceStreamOptions,
): UntypedServiceImplementation {
  return {
    produce: unary(logger, (request: ProduceRequest, deadlineMs) => {
      const { budget, clock } = stream;
      if (budget.isFull) throw busy(request);
      const batch = batchOf(request, clock);
      budget.take(batch.length);
      // The log holds the batch for as long as its fate is open, whether its client waits or not.
      const produced = Promise.try(() => produce(ports, request, batch)).finally(() =>
        budget.release(batch.length),
      );
      const timeoutMs = workMs(clock, deadlineMs);
      return settledWithin(clock, timeoutMs, produced, () => late(request, timeoutMs));
    }),
    produceStream: (call: ConstructorParameters<typeof ProduceStream>[0]) => {
      void new ProduceStream(call, stream); // It lives as long as the call, which holds it.
    },
    initProducerId: unary(
      logger,
      async (_request, deadlineMs): Promise<InitProducerIdResponseInit> => {
        const patience = { timeoutMs: workMs(stream.clock, deadlineMs) };
        return { producerId: await ports.producerIds.next(patience), producerEpoch: 0 };
      },
    ),
  };
}

function produce(
  ports: BrokerPorts,
  { topic, partition, acks }: ProduceRequest,
  batch: Uint8Array,
): Promise<ProduceResponseInit> {
  const log = ports.partitions.leader(topic, partition);
  const { promise, resolve, reject } = Promise.withResolvers<ProduceResponseInit>();
  log.append(anonymous, batch, acks === "LEADER" ? "leader" : "all", (outcome) => {
    if (outcome instanceof RopewalkError) reject(outcome);
    else resolve(outcome);
  });
  return promise;
}

function batchOf({ recordBatch, records, topic }: ProduceRequest, clock: Clock): Uint8Array {
  if ((recordBatch.length === 0) === (records.length === 0)) {
    throw new RopewalkError(
      "INVALID_REQUEST",
      `Cannot append to ${topic}: give either a record batch or records`,
    );
  }
  if (recordBatch.length > 0) return recordBatch;
  const builder = new RecordBatchBuilder();
  for (const { timestampMs, key, value, headers } of records) {
    if (timestampMs !== undefined && (timestampMs < 0 || timestampMs > timestampMsMax)) {
      throw new RopewalkError(
        "INVALID_RECORD",
        `Cannot append to ${topic}: a record has the timestamp ${timestampMs}, which is not between 0 and ${timestampMsMax}`,
      );
    }
    builder.append(timestampMs ?? clock.wallMs(), key, value, headers);
  }
  return builder.build();
}

function busy({ topic, partition }: ProduceRequest): RopewalkError {
  return new RopewalkError(
    "BUSY",
    `Cannot append to ${topic}-${partition} now: the broker has as many bytes in flight as it may`,
    { retryAfterMs: budgetWaitMs },
  );
}

function late({ topic, partition }: ProduceRequest, timeoutMs: number | undefined): RopewalkError {
  const message = `Cannot say whether the batch is in ${topic}-${partition}: a majority of its replicas did not acknowledge it within ${Math.round(timeoutMs ?? 0)} ms`;
  return new RopewalkError("REQUEST_TIMED_OUT", message);
}
