import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type { DescribeBrokerHealthResponseInit, DiskState } from "@ropewalk/protocol";
import type { Clock, Logger } from "@ropewalk/runtime";
import { anonymous, type BrokerPorts, type DiskHealth, type Patience } from "../ports.ts";
import { patienceMs, unary } from "./unary.ts";

/** Partitions that one answer names; it says how many there are. */
const partitionsNamedMax = 1000;

/** Answers `ropewalk.v1.BrokerHealthService`. */
export function brokerHealthHandlers(
  ports: BrokerPorts,
  logger: Logger,
  clock: Clock,
): UntypedServiceImplementation {
  return {
    describeBrokerHealth: unary(logger, (_request, deadlineMs) =>
      describeBrokerHealth(ports, { timeoutMs: patienceMs(clock, deadlineMs) }),
    ),
  };
}

async function describeBrokerHealth(
  { health }: BrokerPorts,
  patience: Patience,
): Promise<DescribeBrokerHealthResponseInit> {
  const now = await health.describe(anonymous, patience);
  return {
    brokerId: now.brokerId,
    diskState: diskStates[now.disk],
    loopBlocked: now.isLoopBlocked,
    notReadyReason: now.notReady ?? "",
    underReplicated: now.underReplicated.slice(0, partitionsNamedMax),
    underReplicatedCount: now.underReplicated.length,
    absentReplicaCount: now.absentReplicaCount,
  };
}

const diskStates: Readonly<Record<DiskHealth, DiskState>> = {
  sound: "SOUND",
  full: "FULL",
  stalled: "STALLED",
  failed: "FAILED",
};
