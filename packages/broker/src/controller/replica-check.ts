import { RopewalkError } from "@ropewalk/protocol";
import { type BrokerImage, takesReplicas } from "./broker-life.ts";
import type { PartitionImage } from "./metadata-image.ts";

/** Replicas that somebody wants for a partition. */
export interface WantedCheck {
  readonly topic: string;
  readonly image: PartitionImage;
  readonly replicaIds: readonly number[];
  readonly brokers: ReadonlyMap<number, BrokerImage>;
  readonly isAlive: (brokerId: number) => boolean;
}

/** Replicas of one partition: each is written by its leader. */
export const replicasMax = 16;

/**
 * Throws INVALID_REPLICA_ASSIGNMENT, with the reason, for replicas that cannot be or must not be: brokers that are not there,
 * a new replica at a silent broker, or at one that takes none, or so many silent ones that the partition would have lost its quorum.
 */
export function checkReplicas(check: WantedCheck): void {
  const fault = replicasFault(check);
  if (fault === undefined) return;
  const { image, replicaIds, topic } = check;
  throw new RopewalkError(
    "INVALID_REPLICA_ASSIGNMENT",
    `Cannot move ${topic}-${image.partition} to brokers ${replicaIds.join(", ")}: ${fault}`,
  );
}

function replicasFault({ brokers, image, isAlive, replicaIds }: WantedCheck): string | undefined {
  if (replicaIds.length > replicasMax) return `more than ${replicasMax} replicas`;
  if (new Set(replicaIds).size !== replicaIds.length) return "a broker is named twice";
  const unknown = replicaIds.find((id) => !brokers.has(id));
  if (unknown !== undefined) return `there is no broker ${unknown}`;
  const silent = replicaIds.filter((id) => !isAlive(id));
  const newAndSilent = silent.find((id) => !image.replicaIds.includes(id));
  if (newAndSilent !== undefined) return `broker ${newAndSilent} is silent`;
  const closed = replicaIds
    .filter((id) => !image.replicaIds.includes(id))
    .flatMap((id) => brokers.get(id) ?? [])
    .find((broker) => !takesReplicas(broker));
  if (closed !== undefined) return `broker ${closed.brokerId} is ${stateOf(closed)}`;
  if (silent.length * 2 < replicaIds.length) return undefined;
  const rest = replicaIds.length - silent.length;
  return `only ${rest} of ${replicaIds.length} would be alive (silent: ${silent.join(", ")}), which is no majority`;
}

function stateOf({ duty }: BrokerImage): string {
  return duty === "serving" ? "fenced" : duty;
}
