import type { ClusterConnection } from "./cluster-connection.ts";
import type { PartitionReader } from "./partition-reader.ts";

/** A reader whose near replica was of no use stays with the leader for so long. */
const retryAfterMs = 10_000;

/**
 * Which replicas readers read from who prefer those of their rack: in the manner of KIP-392, but that the client
 * chooses. A follower serves what it knows to be committed; whatever it refuses, the leader decides.
 */
export class NearReplicas {
  readonly #cluster: ClusterConnection;
  readonly #rack: string;
  /** The follower that a reader reads from at present. */
  readonly #followers = new Map<PartitionReader, number>();
  readonly #retryMs = new Map<PartitionReader, number>();

  constructor(cluster: ClusterConnection, rack: string) {
    this.#cluster = cluster;
    this.#rack = rack;
  }

  /** The follower to read from; `undefined`: the leader. */
  choose(reader: PartitionReader): number | undefined {
    const brokerId = this.#nearerThanLeader(reader);
    if (brokerId === undefined) this.#followers.delete(reader);
    else this.#followers.set(reader, brokerId);
    return brokerId;
  }

  /** Whether the reader was reading from that broker as a follower; from now on it reads from the leader for a while. */
  failed(reader: PartitionReader, brokerId: number): boolean {
    if (this.#followers.get(reader) !== brokerId) return false;
    this.#followers.delete(reader);
    this.#retryMs.set(reader, this.#cluster.clock.monotonicMs() + retryAfterMs);
    return true;
  }

  /** Whether a reader that reads from the leader may go to a replica of its rack. */
  mayReturn(reader: PartitionReader): boolean {
    return !this.#followers.has(reader) && this.#nearerThanLeader(reader) !== undefined;
  }

  forget(reader: PartitionReader): void {
    this.#followers.delete(reader);
    this.#retryMs.delete(reader);
  }

  #nearerThanLeader(reader: PartitionReader): number | undefined {
    const { clock, metadata } = this.#cluster;
    if (clock.monotonicMs() < (this.#retryMs.get(reader) ?? 0)) return undefined;
    const { partition, topic } = reader;
    const brokerId = metadata.replicaIn(topic, partition, this.#rack);
    return brokerId === metadata.leader(topic, partition) ? undefined : brokerId;
  }
}
