import type { BrokerMachine, SimulatedCluster } from "../simulated-cluster.ts";
import type { SeededRandom } from "../world/seeded-random.ts";
import type { World } from "../world/world.ts";

/** What a fault may use. */
export interface FaultScene {
  readonly world: World;
  readonly cluster: SimulatedCluster;
  readonly random: SeededRandom;
  /** The only machine that may forget what it had on disk: a majority of every group's replicas is elsewhere. */
  readonly victim: BrokerMachine;
}

/** Does harm to a machine, and answers how to mend it. */
export type Fault = (scene: FaultScene, machine: BrokerMachine) => () => void;

/** It passes by itself, or stays until peace. */
export function nothingToMend(): void {}
