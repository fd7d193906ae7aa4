import { produceService } from "@ropewalk/protocol";
import type { ClusterConnection } from "./cluster-connection.ts";
import type { ProducerIdentity } from "./partition-queue.ts";

/** It has 16 bits in a record batch. */
const producerEpochMax = 2 ** 15 - 1;

/** How long one attempt to get a producer id may take. */
const timeoutMs = 30_000;

/** Where a producer's identities come from: one for all partitions to start with, more on demand. */
export class ProducerIdentities {
  readonly #cluster: ClusterConnection;
  readonly #signal: AbortSignal;
  #shared: Promise<ProducerIdentity> | undefined;

  constructor(cluster: ClusterConnection, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#signal = signal;
  }

  /** The identity that all partitions start with. Rejects with a `RopewalkError`; the next call asks again. */
  async shared(): Promise<ProducerIdentity> {
    this.#shared ??= this.#fresh();
    try {
      return await this.#shared;
    } catch (error) {
      this.#shared = undefined;
      throw error;
    }
  }

  /**
   * The identity behind one that is spent: of the next epoch (KIP-360), so that a copy of a batch that is still on its
   * way to some broker is refused there, however late it comes. Under another id it would be taken.
   */
  async after({ producerEpoch, producerId }: ProducerIdentity): Promise<ProducerIdentity> {
    if (producerEpoch >= producerEpochMax) return this.#fresh();
    return { producerId, producerEpoch: producerEpoch + 1 };
  }

  /** An identity that nobody has, or had, or will have. */
  #fresh(): Promise<ProducerIdentity> {
    const action = "Cannot get a producer id";
    const options = { action, timeoutMs, retry: "any", signal: this.#signal } as const;
    return this.#cluster.call(produceService.initProducerId, {}, options);
  }
}
