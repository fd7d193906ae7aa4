import type { ObservedReplica, RaftObserver } from "@ropewalk/broker";

/** The group of the cluster's metadata. */
const metadataGroupId = 1;

const nobody: RaftObserver = {
  added: () => undefined,
  removed: () => undefined,
  contradicted: () => undefined,
  stepped: () => undefined,
  writing: () => undefined,
  durable: () => undefined,
};

/**
 * Who votes on the cluster's metadata, known though no broker runs. While a cluster forms there are two voters for a moment,
 * and where brokers are decommissioned for longer: neither can lose its disk then.
 */
export class MetadataVoters {
  /** The last replica of every broker that has one on disk. */
  readonly #replicas = new Map<number, ObservedReplica>();

  /** An observer that hears of a broker's replica, too. */
  observe(brokerId: number, observer: RaftObserver = nobody): RaftObserver {
    return {
      ...observer,
      added: (replica) => {
        if (replica.key.groupId === metadataGroupId) this.#replicas.set(brokerId, replica);
        observer.added(replica);
      },
    };
  }

  /** The broker's disk is empty. */
  forget(brokerId: number): void {
    this.#replicas.delete(brokerId);
  }

  /** Whether the voters that have their disks are a majority without this broker's, as far as anybody has applied. */
  spare(brokerId: number): boolean {
    const [latest] = [...this.#replicas.values()].toSorted(
      (a, b) => b.appliedIndex - a.appliedIndex,
    );
    if (latest === undefined) return true;
    const { voters, votersOutgoing } = latest.confState;
    return [voters, votersOutgoing].every((majority) => {
      const left = majority.filter((id) => id !== brokerId && this.#replicas.has(id));
      return majority.length === 0 || 2 * left.length > majority.length;
    });
  }
}
