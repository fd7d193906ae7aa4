import type { NewTopic } from "@ropewalk/client";
import { TestingError } from "./testing-error.ts";

const brokersMax = 9;

/** How many brokers are wanted. Throws INVALID_OPTION where there cannot be so many. */
export function checkedBrokers(brokers = 3): number {
  if (Number.isInteger(brokers) && brokers >= 1 && brokers <= brokersMax) return brokers;
  const message = `Cannot start a cluster of ${brokers} brokers: it has 1 to ${brokersMax}`;
  throw new TestingError("INVALID_OPTION", message);
}

/** A topic to be made, whose name may be all that is given. */
export function newTopic(topic: string | NewTopic): NewTopic {
  return typeof topic === "string" ? { name: topic } : topic;
}
