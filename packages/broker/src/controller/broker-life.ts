import type { BrokerState } from "../ports.ts";
import type { BrokerRegistration } from "./broker-registration.ts";

/**
 * What an admin wants of a broker. `drained`: leads nothing and gets no new replicas. `decommissioned`: the same,
 * and its replicas go to others.
 */
export type BrokerDuty = "serving" | "drained" | "decommissioned";

/** What is known of a broker beside what it says of itself. */
export interface BrokerLife {
  readonly duty: BrokerDuty;
  /** It was silent for too long (KIP-631): it gets nothing new until it is heard again. */
  readonly fenced: boolean;
}

/** A broker of the cluster. */
export interface BrokerImage extends BrokerRegistration, BrokerLife {
  /**
   * The controller's entry that registered the broker's present data directory first: what went to the broker behind it
   * never was on another disk. Absent: an older version kept it.
   */
  readonly directoryIndex?: number | undefined;
}

/** A change of a broker's life; without effect where the broker has another directory by then. */
export interface BrokerLifeChange {
  readonly kind: "brokerStateChanged";
  readonly brokerId: number;
  readonly directoryId: string;
  /** `removed`: it belongs to the cluster no more, and its directory never will again. */
  readonly life: BrokerLife | "removed";
}

/** A broker that has just come. */
export const newBrokerLife: BrokerLife = { duty: "serving", fenced: false };

/** Whether new replicas may go to the broker. */
export function takesReplicas({ duty, fenced }: BrokerLife): boolean {
  return duty === "serving" && !fenced;
}

/** Whether the broker is to lead anything. */
export function mayLead({ duty, fenced }: BrokerLife): boolean {
  return duty === "serving" && !fenced;
}

/** The state of a broker that leads so many partitions. What an admin wants of it comes before that it is silent. */
export function brokerStateOf({ duty, fenced }: BrokerLife, ledCount: number): BrokerState {
  if (duty === "decommissioned") return "decommissioning";
  if (duty === "drained") return ledCount > 0 ? "draining" : "drained";
  return fenced ? "fenced" : "active";
}

/** The change that makes `broker` live on as `life`. */
export function lifeChange(
  { brokerId, directoryId, duty, fenced }: BrokerImage,
  life: Partial<BrokerLife>,
): BrokerLifeChange {
  return {
    kind: "brokerStateChanged",
    brokerId,
    directoryId,
    life: { duty, fenced, ...life },
  };
}
