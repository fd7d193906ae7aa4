import type { BrokerConfig } from "../config.ts";

const votersMax = 5;

/** Who is in the controller's group: the first brokers by id vote, the others follow. */
export function controllerVoters({ bootstrap }: Pick<BrokerConfig, "bootstrap">): {
  readonly voters: readonly number[];
  readonly learners: readonly number[];
} {
  const ids = bootstrap.map(({ brokerId }) => brokerId).toSorted((a, b) => a - b);
  return { voters: ids.slice(0, votersMax), learners: ids.slice(votersMax) };
}
