import { produceService } from "@ropewalk/protocol";
import type { ClusterConnection } from "./cluster-connection.ts";
import type { ProducerIdentity } from "./partition-queue.ts";

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
    this.#shared ??= this.fresh();
    try {
      return await this.#shared;
    } catch (error) {
      this.#shared = undefined;
      throw error;
    }
  }

  /** An identity that nobody has, or had, or will have. */
  fresh(): Promise<ProducerIdentity> {
    const action = "Cannot get a producer id";
    const options = { action, timeoutMs, retry: "any", signal: this.#signal } as const;
    return this.#cluster.call(produceService.initProducerId, {}, options);
  }
}
