import type { PlanBroker } from "./broker-loads.ts";
import type { PlannedPartition } from "./planned-partition.ts";

interface Holder {
  readonly brokerId: number;
  readonly rack: string;
  bytes: number;
  /** Positions of the partitions that it has a replica of. */
  readonly held: Set<number>;
}

interface Exchange {
  readonly given: number;
  /** What comes back for it; `undefined`: nothing. */
  readonly taken: number | undefined;
  /** What the giver has less afterwards, and the taker more. */
  readonly bytes: number;
}

/** A broker with so much more than its share is not worth another move. */
const toleratedExcess = 0.1;
/** Exchanges a broker: what is left is for the next plan. */
const exchangesPerBrokerMax = 20;
/** Brokers with few bytes that one with many tries to give to. */
const takersTried = 8;

/**
 * Exchanges replicas between brokers until none holds much more than its share of the bytes, as far as that can be:
 * a large one goes, and a smaller one comes back, so that the numbers of replicas stay as even as they are.
 * Racks stay as they are, too. `placed` is changed, in the order of `partitions`.
 */
export function balanceBytes(
  brokers: readonly PlanBroker[],
  partitions: readonly PlannedPartition[],
  placed: readonly number[][],
): void {
  if (!partitions.some(({ bytes }) => bytes > 0)) return;
  new ByteBalance(brokers, partitions, placed).run();
}

class ByteBalance {
  readonly #partitions: readonly PlannedPartition[];
  readonly #placed: readonly number[][];
  readonly #holders: Holder[];
  readonly #racks: ReadonlyMap<number, string>;

  constructor(
    brokers: readonly PlanBroker[],
    partitions: readonly PlannedPartition[],
    placed: readonly number[][],
  ) {
    this.#partitions = partitions;
    this.#placed = placed;
    this.#racks = new Map(brokers.map(({ brokerId, rack }) => [brokerId, rack]));
    this.#holders = brokers
      .filter(({ isUsable }) => isUsable)
      .map(({ brokerId, rack }) => ({ brokerId, rack, bytes: 0, held: new Set() }));
    const byId = new Map(this.#holders.map((holder) => [holder.brokerId, holder]));
    for (const [at, ids] of placed.entries()) {
      for (const id of ids) {
        const holder = byId.get(id);
        if (holder === undefined) continue;
        holder.held.add(at);
        holder.bytes += partitions[at]?.bytes ?? 0;
      }
    }
  }

  run(): void {
    const total = this.#holders.reduce((sum, { bytes }) => sum + bytes, 0);
    const mean = total / this.#holders.length;
    const exhausted = new Set<Holder>();
    for (let left = this.#holders.length * exchangesPerBrokerMax; left > 0; left--) {
      const byBytes = this.#holders.toSorted((a, b) => a.bytes - b.bytes);
      const giver = byBytes.findLast((holder) => !exhausted.has(holder));
      if (giver === undefined || giver.bytes <= mean * (1 + toleratedExcess)) return;
      if (!this.#relieve(giver, byBytes, mean)) exhausted.add(giver);
    }
  }

  /** Whether something was found that the giver has less of then. */
  #relieve(giver: Holder, byBytes: readonly Holder[], mean: number): boolean {
    for (const taker of byBytes.slice(0, takersTried)) {
      if (taker === giver || taker.bytes >= mean) continue;
      const exchange = this.#bestExchange(giver, taker);
      if (exchange === undefined || exchange.bytes < mean / 100) continue;
      this.#move(exchange.given, giver, taker);
      if (exchange.taken !== undefined) this.#move(exchange.taken, taker, giver);
      return true;
    }
    return false;
  }

  /** The one after which both hold most nearly the same. */
  #bestExchange(giver: Holder, taker: Holder): Exchange | undefined {
    const gap = giver.bytes - taker.bytes;
    const backs = this.#movable(taker, giver).toSorted((a, b) => this.#bytes(a) - this.#bytes(b));
    const mayTakeMore = taker.held.size < giver.held.size;
    let best: Exchange | undefined;
    for (const given of this.#movable(giver, taker)) {
      const back = this.#closest(backs, this.#bytes(given) - gap / 2);
      for (const taken of mayTakeMore ? [back, undefined] : [back]) {
        if (taken === undefined && !mayTakeMore) continue;
        const bytes = this.#bytes(given) - (taken === undefined ? 0 : this.#bytes(taken));
        if (bytes <= 0 || bytes >= gap) continue;
        const isBetter =
          best === undefined || Math.abs(bytes - gap / 2) < Math.abs(best.bytes - gap / 2);
        if (isBetter) best = { given, taken, bytes };
      }
    }
    return best;
  }

  /** What may go from one to the other: it has none there, and shares no rack with another one then. */
  #movable(from: Holder, to: Holder): number[] {
    return [...from.held].filter((at) => {
      if (to.held.has(at) || this.#partitions[at]?.isFixed !== false) return false;
      if (from.rack === to.rack) return true;
      return !this.#placed[at]?.some((id) => this.#racks.get(id) === to.rack);
    });
  }

  /** Of `ascending`, the one whose bytes are closest to these. */
  #closest(ascending: readonly number[], bytes: number): number | undefined {
    let [low, high] = [0, ascending.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#bytes(ascending[middle] ?? 0) < bytes) low = middle + 1;
      else high = middle;
    }
    const [below, above] = [ascending[low - 1], ascending[low]];
    if (below === undefined || above === undefined) return below ?? above;
    return bytes - this.#bytes(below) <= this.#bytes(above) - bytes ? below : above;
  }

  #move(at: number, from: Holder, to: Holder): void {
    const ids = this.#placed[at];
    if (ids !== undefined) ids[ids.indexOf(from.brokerId)] = to.brokerId;
    from.held.delete(at);
    to.held.add(at);
    from.bytes -= this.#bytes(at);
    to.bytes += this.#bytes(at);
  }

  #bytes(at: number): number {
    return this.#partitions[at]?.bytes ?? 0;
  }
}
