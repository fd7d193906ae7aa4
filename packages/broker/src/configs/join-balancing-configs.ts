import type { JoinBalancing } from "../controller/join-balancer.ts";
import { type ConfigRule, integer, oneOf } from "./config-rule.ts";
import type { ConfigDefinition } from "./config-schema.ts";

/** How brokers that join get their share unless the cluster is told otherwise. */
export interface JoinBalancingDefaults {
  readonly joinBalanceDelayMs: number;
  readonly movesAtOnceMax: number;
}

const modeName = "partition.autobalancing.mode";
const delayName = "partition.autobalancing.delay.ms";
const movesName = "partition.autobalancing.concurrent.moves";
/** Timers take no more. */
const delayMsMax = 2 ** 31 - 1;
const movesMax = 1000;

/** The cluster's configs of what happens when a broker joins; Kafka has none, and the words are Redpanda's. */
export function joinBalancingConfigs(defaults: JoinBalancingDefaults): ConfigDefinition[] {
  return [
    define(
      modeName,
      oneOf("off", "node_add"),
      "node_add",
      "node_add: a broker that joins gets its share of the replicas by itself",
    ),
    define(
      delayName,
      integer(0, delayMsMax),
      String(defaults.joinBalanceDelayMs),
      "how long after the last broker joined replicas begin to move to it",
    ),
    define(
      movesName,
      integer(1, movesMax),
      String(defaults.movesAtOnceMax),
      "how many partitions move at once to brokers that joined",
    ),
  ];
}

/** What the cluster was told, or what it does otherwise. */
export function joinBalancingOf(
  configs: ReadonlyMap<string, string>,
  { joinBalanceDelayMs, movesAtOnceMax }: JoinBalancingDefaults,
): JoinBalancing {
  return {
    isOn: configs.get(modeName) !== "off",
    delayMs: Number(configs.get(delayName) ?? joinBalanceDelayMs),
    movesAtOnceMax: Number(configs.get(movesName) ?? movesAtOnceMax),
  };
}

function define(
  name: string,
  rule: ConfigRule,
  defaultValue: string,
  documentation: string,
): ConfigDefinition {
  return {
    name,
    support: "SUPPORTED",
    rule,
    defaultValue,
    documentation,
    clusterName: name,
  };
}
