import { RopewalkError } from "@ropewalk/protocol";
import type { ProducerBatch } from "./producer-batch.ts";

/** Whether the error says that another broker may lead the partition. */
export function meansAnotherLeader(error: RopewalkError): boolean {
  switch (error.code) {
    case "NOT_LEADER":
    case "LEADER_NOT_AVAILABLE":
    case "UNKNOWN_OUTCOME":
    case "UNKNOWN_TOPIC_OR_PARTITION":
      return true;
    default:
      return false;
  }
}

/** The error as it is told: a refusal is only certain where no earlier attempt can have written the batch. */
export function certain(batch: ProducerBatch, error: RopewalkError): RopewalkError {
  if (!batch.mayBeInLog || error.outcome === "indefinite") return error;
  const message = `${error.message} (an earlier attempt may have written the batch)`;
  return new RopewalkError("UNKNOWN_OUTCOME", message, { cause: error });
}

/** The error of a batch whose time is over. */
export function timedOut(batch: ProducerBatch): RopewalkError {
  return gaveUp(batch, "in time");
}

/** The error of a batch whose producer was closed. */
export function abandoned(batch: ProducerBatch): RopewalkError {
  return gaveUp(batch, "before the producer was closed");
}

function gaveUp(batch: ProducerBatch, when: string): RopewalkError {
  const { topic, partition, recordCount, mayBeInLog } = batch;
  const cause = batch.destination.lastError;
  const reason = cause === undefined ? "" : `: ${cause.message}`;
  const message = `Cannot write ${recordCount} records to ${topic}-${partition} ${when}${reason}`;
  const code = mayBeInLog ? "REQUEST_TIMED_OUT" : "LEADER_NOT_AVAILABLE";
  return new RopewalkError(code, message, { cause });
}

/** The error of records whose topic does not exist. */
export function noTopicToWrite(topic: string): RopewalkError {
  const message = `Cannot write to topic ${topic}: it does not exist`;
  return new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", message);
}
