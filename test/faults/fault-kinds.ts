import { adminFaults } from "./admin-faults.ts";
import { diskAndClockFaults } from "./disk-and-clock-faults.ts";
import type { FaultKind } from "./fault-kind.ts";
import { networkFaults } from "./network-faults.ts";
import { operatorFaults } from "./operator-faults.ts";
import { processFaults } from "./process-faults.ts";

/** Every way in which the cluster is broken here. */
export const faultKinds: readonly FaultKind[] = [
  ...processFaults,
  ...networkFaults,
  ...diskAndClockFaults,
  ...adminFaults,
  ...operatorFaults,
];
