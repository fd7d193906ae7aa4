import type { Principal, ReadablePartition, ReadResult, StartPosition } from "../ports.ts";
import type { PartitionReplica } from "./partition-replica.ts";

/**
 * A replica as those read it who do not ask for the leader: for as long as it leads or follows somebody, up to the
 * high watermark that it knows. What it serves is committed, so that no other replica will ever say otherwise;
 * it may only be late. In the manner of KIP-392.
 */
export class FollowedPartition implements ReadablePartition {
  readonly topic: string;
  readonly partition: number;
  readonly #replica: PartitionReplica;

  constructor(replica: PartitionReplica) {
    this.topic = replica.topic;
    this.partition = replica.partition;
    this.#replica = replica;
  }

  highWatermark(): number {
    return this.#replica.highWatermark();
  }

  startOffset(): number {
    return this.#replica.startOffset("replica");
  }

  resolve(start: StartPosition): number | Promise<number> {
    return this.#replica.resolve(start, "replica");
  }

  read(principal: Principal, offset: number, bytesMax: number): ReadResult | Promise<ReadResult> {
    return this.#replica.read(principal, offset, bytesMax, "replica");
  }

  awaitRecords(offset: number, listener: () => void): () => void {
    return this.#replica.awaitRecords(offset, listener, "replica");
  }
}
