import type { FaultKind, Nemesis } from "@ropewalk/simulation";
import type { TestCluster } from "./test-cluster.ts";

/** What can befall a cluster: the faults of Ropewalk's own simulation, whose README says what each does. */
export type Fault = FaultKind;

/** What befalls a cluster at random. */
export class RandomFaults {
  readonly #nemesis: Nemesis;
  readonly #cluster: TestCluster;

  /** Made by `simulate`. */
  constructor(nemesis: Nemesis, cluster: TestCluster) {
    this.#nemesis = nemesis;
    this.#cluster = cluster;
  }

  /** How often each kind has happened. */
  get counts(): ReadonlyMap<Fault, number> {
    return this.#nemesis.counts;
  }

  /**
   * Nothing more happens; the network and all disks are mended, brokers that are dead or paused go on. Resolves when
   * all of them can serve: now everything must come right.
   */
  async stop(): Promise<void> {
    this.#nemesis.stop();
    await this.#cluster.ready();
  }
}
