import type { BatchCounter } from "./outgoing-batch.ts";
import type { PeerBatch } from "./peer-batch.ts";
import { Peer } from "./peer.ts";

/** Every node that this one shares a group with, or heard a batch of. */
export class Peers {
  readonly #nodeId: number;
  readonly #epoch: number;
  readonly #peers = new Map<number, Peer>();
  /** For all peers: one that was forgotten and is there again has heard batches, and takes none of a lower number. */
  readonly #counter: BatchCounter = { last: 0 };

  constructor(nodeId: number, epoch: number) {
    this.#nodeId = nodeId;
    this.#epoch = epoch;
  }

  /** The peer, which is taken for alive until it was silent for long enough. */
  get(id: number): Peer {
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      peer = new Peer({ from: this.#nodeId, to: id, epoch: this.#epoch }, this.#counter);
      this.#peers.set(id, peer);
    }
    return peer;
  }

  isAlive(id: number): boolean {
    return this.#peers.get(id)?.isAlive ?? true;
  }

  /** The peer, if anything was shared with it. */
  find(id: number): Peer | undefined {
    return this.#peers.get(id);
  }

  delete(id: number): void {
    this.#peers.delete(id);
  }

  /** Counts a tick of silence for all of them; answers who counts as dead from now on. */
  tick(timeoutTicks: number): readonly Peer[] {
    return [...this.#peers.values()].filter((peer) => peer.tick(timeoutTicks));
  }

  /** Takes what is to leave: for everybody (the interval is over), for whom something gathered, or what is urgent. */
  takeBatches(which: "all" | "filled" | "urgent"): readonly PeerBatch[] {
    const batches: PeerBatch[] = [];
    for (const peer of this.#peers.values()) {
      const { outgoing } = peer;
      if (which === "all") peer.repeatFarewells();
      const isTaken = which === "all" || (which === "filled" && !outgoing.isEmpty);
      if (isTaken || outgoing.isUrgent) outgoing.takeInto(batches);
    }
    return batches;
  }

  /** Whether every process was heard, and lately. */
  get areHeard(): boolean {
    for (const peer of this.#peers.values()) if (!peer.isHeard) return false;
    return true;
  }

  /** Whether the process is known to be gone, and no other one has been heard in its place. */
  isGone(id: number): boolean {
    return this.#peers.get(id)?.isGone ?? false;
  }
}
