import { RopewalkError } from "@ropewalk/protocol";
import type { BrokerPorts } from "../ports.ts";

/**
 * Throws LEADER_NOT_AVAILABLE where the cluster goes on without this broker, which would tell for ever how it was when
 * it was removed, and where it was in none yet. One that only lost its cluster for now may tell what it knows.
 */
export function expectNotExcluded(ports: Pick<BrokerPorts, "cluster" | "isExcluded">): void {
  if (ports.cluster.clusterId() === "") {
    throw new RopewalkError(
      "LEADER_NOT_AVAILABLE",
      "Cannot describe the cluster: this broker is part of none yet; ask another one",
    );
  }
  if (!ports.isExcluded()) return;
  throw new RopewalkError(
    "LEADER_NOT_AVAILABLE",
    "Cannot describe the cluster: this broker was removed from it; ask another one",
  );
}

/**
 * Throws LEADER_NOT_AVAILABLE where this broker is not (yet, any more) part of its cluster: what it does
 * not know may well exist, so that it must not say otherwise. Clients ask another broker.
 */
export function expectJoined(ports: Pick<BrokerPorts, "isReady">): void {
  if (ports.isReady()) return;
  throw new RopewalkError(
    "LEADER_NOT_AVAILABLE",
    "Cannot say what is in the cluster: this broker is not part of it now; ask another one",
  );
}
