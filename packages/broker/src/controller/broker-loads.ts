/** A broker as a plan sees it. */
export interface PlanBroker {
  readonly brokerId: number;
  /** Empty: one that all such brokers share. */
  readonly rack: string;
  /** Whether it may take more replicas, and lead. */
  readonly isUsable: boolean;
  /** Whether the replicas that it has must go. */
  readonly mustLeave: boolean;
}

interface Load {
  readonly brokerId: number;
  /** Position among the racks. */
  readonly rack: number;
  readonly isUsable: boolean;
  readonly mustLeave: boolean;
  count: number;
  bytes: number;
}

interface Rack {
  readonly usable: Load[];
  /** The usable broker with the fewest replicas, then the fewest bytes. */
  least: Load | undefined;
  /** Replicas at its usable brokers. */
  count: number;
  /** What each of its brokers would hold if all that are compared held the same. */
  share: Share;
}

interface Share {
  readonly least: number;
  readonly most: number;
}

/** Whether brokers are compared with all others, or with those of their rack. */
export type ShareScope = "cluster" | "rack";

/**
 * What brokers hold while a plan is made. Every rack knows its least loaded broker, so that finding a place costs
 * as much as there are racks.
 */
export class BrokerLoads {
  readonly #loads = new Map<number, Load>();
  readonly #racks: Rack[] = [];
  readonly usableCount: number;
  #scope: ShareScope = "cluster";
  /** Usable brokers that hold more or less than their share. */
  #unevenCount = 0;

  constructor(brokers: readonly PlanBroker[]) {
    const rackAt = new Map<string, number>();
    for (const { brokerId, isUsable, mustLeave, rack: name } of brokers) {
      const rack = rackAt.get(name) ?? rackAt.size;
      rackAt.set(name, rack);
      this.#racks[rack] ??= {
        usable: [],
        least: undefined,
        count: 0,
        share: { least: 0, most: 0 },
      };
      const load = { brokerId, rack, isUsable, mustLeave, count: 0, bytes: 0 };
      this.#loads.set(brokerId, load);
      if (isUsable) this.#racks[rack].usable.push(load);
    }
    this.usableCount = brokers.filter(({ isUsable }) => isUsable).length;
    for (const rack of this.#racks) settle(rack);
  }

  /** Counts replicas; `settle` must follow before anybody asks. */
  addAll(brokerIds: readonly number[], bytes: number): void {
    for (const id of brokerIds) {
      const load = this.#loads.get(id);
      if (load !== undefined) this.#change(load, 1, bytes);
    }
  }

  /** What was counted is taken in. */
  settle(): void {
    for (const rack of this.#racks) settle(rack);
  }

  /** From now on brokers are compared in this scope; what moves within it changes nobody's share. */
  compareIn(scope: ShareScope): void {
    this.#scope = scope;
    const ofAll = shareOf(this.#racks);
    this.#unevenCount = 0;
    for (const rack of this.#racks) {
      rack.share = scope === "rack" ? shareOf([rack]) : ofAll;
      for (const load of rack.usable) this.#unevenCount += Number(isUneven(load, rack.share));
    }
  }

  /** Whether all brokers that are compared hold their share. */
  get isEven(): boolean {
    return this.#unevenCount === 0;
  }

  /** Whether the broker is there and may take more. */
  isUsable(brokerId: number): boolean {
    return this.#loads.get(brokerId)?.isUsable === true;
  }

  /** Whether a replica at the broker must go: it is to have none, or nobody knows it. */
  mustLeave(brokerId: number): boolean {
    return this.#loads.get(brokerId)?.mustLeave ?? true;
  }

  /** Whether no other replica of a partition is in the rack of the one at `position`. */
  isAlone(replicaIds: readonly number[], position: number): boolean {
    return !this.#isRackTaken(
      this.#loads.get(replicaIds[position] ?? 0)?.rack,
      replicaIds,
      position,
    );
  }

  /**
   * Where the replica at `position` goes that must go: the least loaded broker of a rack that the partition's others
   * are not in; where they are in all of them and it is not `onlyToFreeRack`, of any rack.
   */
  placeFor(
    replicaIds: readonly number[],
    position: number,
    onlyToFreeRack: boolean,
  ): number | undefined {
    const free = this.#least(replicaIds, (rack) => !this.#isRackTaken(rack, replicaIds, position));
    if (free !== undefined || onlyToFreeRack) return free?.brokerId;
    return this.#least(replicaIds, () => true)?.brokerId;
  }

  /** Where the replica at `position` goes so that brokers hold more nearly the same; `undefined`: it stays. */
  evenerPlaceFor(replicaIds: readonly number[], position: number): number | undefined {
    const from = this.#loads.get(replicaIds[position] ?? 0);
    const share = this.#racks[from?.rack ?? -1]?.share;
    if (from?.isUsable !== true || share === undefined || from.count <= share.least)
      return undefined;
    const mayTake = (rack: number): boolean =>
      rack === from.rack ||
      (this.#scope === "cluster" && !this.#isRackTaken(rack, replicaIds, position));
    const to = this.#least(replicaIds, mayTake);
    if (to === undefined || to.count + 1 >= from.count) return undefined;
    const isDue = from.count > share.most || to.count < share.least;
    return isDue ? to.brokerId : undefined;
  }

  /** A replica moves. */
  move(fromId: number, toId: number, bytes: number): void {
    const from = this.#loads.get(fromId);
    const to = this.#loads.get(toId);
    if (from !== undefined) this.#changeAndSettle(from, -1, -bytes);
    if (to !== undefined) this.#changeAndSettle(to, 1, bytes);
  }

  #changeAndSettle(load: Load, count: number, bytes: number): void {
    const rack = this.#racks[load.rack];
    if (rack === undefined || !load.isUsable) return;
    this.#unevenCount -= Number(isUneven(load, rack.share));
    this.#change(load, count, bytes);
    this.#unevenCount += Number(isUneven(load, rack.share));
    settle(rack);
  }

  #change(load: Load, count: number, bytes: number): void {
    load.count += count;
    load.bytes += bytes;
    const rack = this.#racks[load.rack];
    if (rack !== undefined && load.isUsable) rack.count += count;
  }

  #least(replicaIds: readonly number[], mayTake: (rack: number) => boolean): Load | undefined {
    let found: Load | undefined;
    for (const [at, rack] of this.#racks.entries()) {
      if (rack.least === undefined || !mayTake(at)) continue;
      const isHolder = replicaIds.includes(rack.least.brokerId);
      const least = isHolder ? leastOf(rack.usable, replicaIds) : rack.least;
      if (least !== undefined && (found === undefined || isLess(least, found))) found = least;
    }
    return found;
  }

  #isRackTaken(rack: number | undefined, replicaIds: readonly number[], position: number): boolean {
    for (let at = 0; at < replicaIds.length; at++) {
      if (at !== position && this.#loads.get(replicaIds[at] ?? 0)?.rack === rack) return true;
    }
    return false;
  }
}

/** Rounded down and up. */
function shareOf(racks: readonly Rack[]): Share {
  let [count, brokers] = [0, 0];
  for (const rack of racks) {
    count += rack.count;
    brokers += rack.usable.length;
  }
  if (brokers === 0) return { least: 0, most: 0 };
  return { least: Math.floor(count / brokers), most: Math.ceil(count / brokers) };
}

function isUneven({ count }: Load, { least, most }: Share): boolean {
  return count < least || count > most;
}

function settle(rack: Rack): void {
  rack.least = leastOf(rack.usable, []);
}

function leastOf(loads: readonly Load[], without: readonly number[]): Load | undefined {
  let least: Load | undefined;
  for (const load of loads) {
    if (without.includes(load.brokerId)) continue;
    if (least === undefined || isLess(load, least)) least = load;
  }
  return least;
}

function isLess(a: Load, b: Load): boolean {
  return (a.count - b.count || a.bytes - b.bytes || a.brokerId - b.brokerId) < 0;
}
