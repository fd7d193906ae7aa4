import { calmWorkload } from "./calm.ts";
import { failoverWorkload } from "./failover.ts";
import { fetchWorkload } from "./fetch.ts";
import { latencyWorkload } from "./latency.ts";
import { manyPartitionsWorkload } from "./many-partitions.ts";
import { offsetCommitsWorkload } from "./offset-commits.ts";
import { peersWorkload } from "./peers.ts";
import { produceWorkload } from "./produce.ts";
import { quickWorkload } from "./quick.ts";
import { recoveryWorkload } from "./recovery.ts";
import { soakWorkload } from "./soak.ts";
import type { Workload } from "./workload.ts";

/** Everything that can be measured, in the order in which it is. */
export const workloads: readonly Workload[] = [
  produceWorkload,
  fetchWorkload,
  latencyWorkload,
  offsetCommitsWorkload,
  failoverWorkload,
  recoveryWorkload,
  manyPartitionsWorkload,
  calmWorkload,
  soakWorkload,
  peersWorkload,
  quickWorkload,
];

/** Those of these names, or those that run by default. Throws a `TypeError` for a name that there is not. */
export function selectWorkloads(names: readonly string[]): readonly Workload[] {
  if (names.length === 0) return workloads.filter(({ runsByDefault }) => runsByDefault);
  return names.map((name) => {
    const found = workloads.find((workload) => workload.name === name);
    if (found !== undefined) return found;
    const known = workloads.map((workload) => workload.name).join(", ");
    throw new TypeError(`there is no workload ${name}; there are ${known}`);
  });
}
