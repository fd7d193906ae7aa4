import type { GroupKey } from "./group-key.ts";
import { OutgoingBatch } from "./outgoing-batch.ts";
import type { BatchCounter, BatchRoute } from "./outgoing-batch.ts";
import type { PeerBatch } from "./peer-batch.ts";

/**
 * What a batch says about the life of its sender. `stale`: it is late or repeated and must be ignored.
 * `restarted`: the sender is another process than the one that was known.
 */
export type SignOfLife = "stale" | "known" | "heardFirst" | "returned" | "restarted";

/** Another node that this one shares groups with: whether it lives, and what is to be told to it. */
export class Peer {
  readonly id: number;
  readonly outgoing: OutgoingBatch;
  isAlive = true;
  /** Its process is known to have ended, and nothing was heard since. */
  #isGone = false;
  /** 0 = no batch came yet. */
  #epoch = 0;
  #lastSequence = 0;
  #silentTicks = 0;
  /** Groups that are led here no more while others may sleep, and for how many batches to say so. */
  readonly #farewells = new Map<
    string,
    { readonly group: GroupKey; readonly batchCount: number }
  >();

  constructor(route: BatchRoute, counter?: BatchCounter) {
    this.id = route.to;
    this.outgoing = new OutgoingBatch(route, counter);
  }

  /** Counts a tick of silence; answers whether the peer counts as dead from now on. */
  tick(timeoutTicks: number): boolean {
    this.#silentTicks++;
    if (!this.isAlive || this.#silentTicks < timeoutTicks) return false;
    this.isAlive = false;
    return true;
  }

  /** The process is known to be gone; answers whether it counted as alive until now. */
  ended(): boolean {
    const isNews = this.isAlive;
    this.isAlive = false;
    this.#isGone = true;
    return isNews;
  }

  /** Whether it is alive for certain, and not only until it was silent for long enough. */
  get isHeard(): boolean {
    return this.isAlive && this.#epoch !== 0;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /**
   * Notes a batch of the peer. Its epochs must ascend, or late batches of an earlier process could pass
   * for a restart; only a peer that counts as dead may come back with a lower one, so that a process
   * whose epoch went wrong is heard again in the end.
   */
  heard(batch: PeerBatch): SignOfLife {
    const { epoch, sequence } = batch;
    if (this.isAlive && epoch < this.#epoch) return "stale";
    if (epoch === this.#epoch && sequence <= this.#lastSequence) return "stale";
    const sign = this.#signOf(epoch);
    this.#epoch = epoch;
    this.#lastSequence = sequence;
    this.#silentTicks = 0;
    this.isAlive = true;
    this.#isGone = false;
    return sign;
  }

  /** Another node has taken the peer's place and counts its processes and batches from one again. */
  replaced(): void {
    this.#epoch = 0;
    this.#lastSequence = 0;
  }

  #signOf(epoch: number): SignOfLife {
    if (this.#epoch === 0) return "heardFirst";
    if (epoch !== this.#epoch) return "restarted";
    return this.isAlive ? "known" : "returned";
  }

  /**
   * Says with the next `batchCount` batches that `group` is led here no more. If that spans the time
   * after which this node would count as dead, the peer hears it, or wakes its groups anyway.
   */
  sayFarewell(group: GroupKey, batchCount: number): void {
    this.#farewells.set(nameOf(group), { group, batchCount });
  }

  /** The replica may lead again: what is said of it from now on must not depose it. */
  takeBackFarewell(group: GroupKey): void {
    if (this.#farewells.size > 0) this.#farewells.delete(nameOf(group));
  }

  /** Adds what is to be repeated; called once per interval. */
  repeatFarewells(): void {
    for (const [name, { batchCount, group }] of this.#farewells) {
      this.outgoing.addWake(group);
      if (batchCount <= 1) this.#farewells.delete(name);
      else this.#farewells.set(name, { group, batchCount: batchCount - 1 });
    }
  }
}

/** A group that was removed and is here again goes by the same name. */
function nameOf({ groupId, incarnation }: GroupKey): string {
  return `${groupId}/${incarnation}`;
}
