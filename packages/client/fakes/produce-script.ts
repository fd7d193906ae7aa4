import {
  clusterService,
  type ProduceAckInit,
  produceService,
  type ProduceStreamRequest,
  RopewalkError,
} from "@ropewalk/protocol";
import type { FakeLog } from "./fake-log.ts";
import { metadataOf, type ProduceSide, ScriptedBroker } from "./scripted-broker.ts";

/** What a scripted broker lets a producer have in flight unless a test says otherwise. */
export const creditBytes: number = 8 * 1024 * 1024;

/** One broker with the topic "t", which it leads alone; producer ids count from 1. */
export async function startBroker(partitionCount = 1): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start(1);
  serveMetadata(
    [broker],
    Array.from({ length: partitionCount }, () => 1),
  );
  return broker;
}

let producerIds = 0;

/** Has brokers answer that brokers of these ids lead the partitions of the topic "t", and give out producer ids. */
export function serveMetadata(
  brokers: readonly ScriptedBroker[],
  leaders: readonly number[],
  epoch = 1,
): void {
  for (const broker of brokers) {
    broker.on(clusterService.getMetadata, () => metadataOf(brokers, "t", leaders, epoch));
    broker.on(produceService.initProducerId, () => ({
      producerId: ++producerIds,
      producerEpoch: 0,
    }));
  }
}

/** What becomes of a batch: an acknowledgement, an error, or nothing that the producer hears of. */
export type Answer = (request: ProduceStreamRequest) => ProduceAckInit | RopewalkError | "silence";

/** A broker that answers each batch at once. */
export function answering(
  answer: Answer,
  inFlightBytesMax = creditBytes,
): (stream: ProduceSide) => void {
  return (stream) => {
    stream.write({ inFlightBytesMax });
    stream.on("end", () => stream.end());
    stream.on("data", (request: ProduceStreamRequest) => {
      const outcome = answer(request);
      if (outcome === "silence") return;
      const { correlationId } = request;
      if (outcome instanceof RopewalkError) {
        const { code, message, leaderId } = outcome;
        stream.write({ acks: [{ correlationId, error: { code, message, leaderId } }] });
      } else {
        stream.write({ acks: [{ correlationId, ...outcome }] });
      }
    });
  };
}

/** Appends to the log of the partition, and answers as it does. */
export function appendTo(logs: readonly FakeLog[]): Answer {
  return ({ partition, recordBatch }) => {
    try {
      return (
        logs[partition]?.append(recordBatch) ??
        new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", "none")
      );
    } catch (error) {
      return error as RopewalkError;
    }
  };
}

/** The texts "0", "1", … */
export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}
