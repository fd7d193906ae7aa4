import { integer } from "./config-rule.ts";
import type { ConfigDefinition } from "./config-schema.ts";

/** How long brokers are waited for unless the cluster is told otherwise. */
export interface LossRepairDefaults {
  readonly lossRepairDelayMs: number;
}

const name = "partition.autobalancing.node.availability.timeout.ms";
/** Timers take no more. */
const delayMsMax = 2 ** 31 - 1;

/** The cluster's config of when a silent broker counts as lost; Kafka has none, and the words are Redpanda's. */
export function lossRepairConfig({ lossRepairDelayMs }: LossRepairDefaults): ConfigDefinition {
  return {
    name,
    support: "SUPPORTED",
    rule: integer(0, delayMsMax),
    defaultValue: String(lossRepairDelayMs),
    documentation:
      "how long a broker is silent until what it held is made anew at others; 0: they wait for it",
    clusterName: name,
  };
}

/** What the cluster was told, or what it does otherwise. */
export function lossRepairDelayMsOf(
  configs: ReadonlyMap<string, string>,
  { lossRepairDelayMs }: LossRepairDefaults,
): number {
  return Number(configs.get(name) ?? lossRepairDelayMs);
}
