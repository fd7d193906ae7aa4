import type { Admin } from "@ropewalk/client";
import type { BrokerMachine, SimulatedCluster } from "../simulated-cluster.ts";
import { pause } from "../workload/activity.ts";
import { clientHosts } from "../workload/client-seats.ts";
import type { LoadedTopic } from "../workload/loaded-topic.ts";
import type { SeededRandom } from "../world/seeded-random.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import type { World } from "../world/world.ts";

/** What a plot works with. */
export interface PlotSceneOptions {
  readonly world: World;
  readonly cluster: SimulatedCluster;
  readonly topic: LoadedTopic;
  /** A partition keeps at least so many replicas. */
  readonly replicaCountMin: number;
  readonly admin: Admin;
  /** That of whoever plots. */
  readonly process: SimulatedProcess;
  readonly random: SeededRandom;
  /** Peace has come: nothing is harmed any more. */
  readonly isOver: () => boolean;
}

/** A partition as a plot finds it. */
export interface PlotPartition {
  readonly partition: number;
  readonly leaderId: number;
  readonly replicaIds: readonly number[];
  /** Its other replicas that do not control the cluster, in any order. */
  readonly followerIds: readonly number[];
  /** Brokers without a replica that do not control the cluster, in any order. */
  readonly outsiderIds: readonly number[];
  /** 0: none is known. */
  readonly controllerId: number;
}

/** In which direction nothing arrives between two brokers, seen from the first. */
export type CutDirection = "to" | "from" | "both";

const pollMs = 20;

/** What a plot sees and does. */
export class PlotScene {
  readonly random: SeededRandom;
  readonly #options: PlotSceneOptions;
  readonly #cuts = new Set<string>();
  readonly #killed = new Set<number>();

  constructor(options: PlotSceneOptions) {
    this.random = options.random;
    this.#options = options;
  }

  /** One of the partitions that have a leader and are like this; `undefined`: none is. */
  async find(isFit: (partition: PlotPartition) => boolean): Promise<PlotPartition | undefined> {
    const { admin, topic } = this.#options;
    const { controllerId } = await admin.describeCluster();
    const { partitions } = await admin.describeTopic(topic.name);
    const fit = partitions
      .map(({ leaderId, partition, replicaIds }) => {
        const others = this.#brokerIds().filter((id) => id !== leaderId && id !== controllerId);
        const followerIds = this.#shuffled(others.filter((id) => replicaIds.includes(id)));
        const outsiderIds = this.#shuffled(others.filter((id) => !replicaIds.includes(id)));
        return { partition, leaderId, replicaIds, followerIds, outsiderIds, controllerId };
      })
      .filter((each) => each.leaderId !== 0 && isFit(each));
    return fit.length === 0 ? undefined : this.random.pick(fit);
  }

  /** The replicas but for one, which another broker takes the place of where the partition must not have fewer. */
  without(
    { outsiderIds, replicaIds }: PlotPartition,
    leavingId: number,
  ): readonly number[] | undefined {
    const left = replicaIds.filter((id) => id !== leavingId);
    const [standInId] = outsiderIds;
    if (left.length >= this.#options.replicaCountMin) return left;
    return standInId === undefined ? undefined : [...left, standInId];
  }

  /** Whether a partition may have so few replicas. */
  mayHave(replicaCount: number): boolean {
    return replicaCount >= this.#options.replicaCountMin;
  }

  /** Asks for other replicas. */
  async move(partition: number, replicaIds: readonly number[]): Promise<void> {
    const { admin, topic } = this.#options;
    const wanted = [{ topic: topic.name, partition, replicaIds }];
    await admin.reassignPartitions({ wanted, throttleBytesPerSecond: 0 });
  }

  /** Whether the partition has these replicas within so long. */
  async hasMoved(
    partition: number,
    replicaIds: readonly number[],
    msMax: number,
  ): Promise<boolean> {
    const { admin, process, topic } = this.#options;
    const endMs = process.monotonicMs() + msMax;
    while (process.monotonicMs() < endMs && !this.#options.isOver()) {
      const { partitions } = await admin.describeTopic(topic.name);
      const present = partitions.find((each) => each.partition === partition)?.replicaIds ?? [];
      if (present.length === replicaIds.length && present.every((id) => replicaIds.includes(id)))
        return true;
      await pause(process, pollMs);
    }
    return false;
  }

  /** Lets some time pass; less where it is over. */
  async wait(msMin: number, msMax: number): Promise<void> {
    const { process } = this.#options;
    const endMs = process.monotonicMs() + this.random.between(msMin, msMax);
    while (process.monotonicMs() < endMs && !this.#options.isOver()) await pause(process, pollMs);
  }

  /** Nothing arrives between two brokers; what is on its way waits. */
  cutBrokers(one: number, other: number, direction: CutDirection = "both"): void {
    if (direction !== "from") this.#cut(this.#host(one), this.#host(other));
    if (direction !== "to") this.#cut(this.#host(other), this.#host(one));
  }

  /** A broker is alone, with all clients: nobody else reaches it, or them. */
  cutOffWithClients(brokerId: number): void {
    const own = this.#host(brokerId);
    for (const { host } of this.#options.cluster.machines) {
      for (const client of host === own ? [] : [own, ...clientHosts]) {
        this.#cut(client, host);
        this.#cut(host, client);
      }
    }
  }

  /** All that was cut between brokers is mended. */
  healBrokers(): void {
    const clients = new Set(clientHosts);
    this.#heal((from, to) => !clients.has(from) && !clients.has(to));
  }

  kill(brokerId: number): void {
    if (this.#options.isOver()) return;
    this.#killed.add(brokerId);
    this.#options.cluster.kill(this.#machine(brokerId), "kill");
  }

  start(brokerId: number): void {
    this.#killed.delete(brokerId);
    this.#options.cluster.start(this.#machine(brokerId));
  }

  /** Mends all that it has harmed. */
  restore(): void {
    this.#heal(() => true);
    for (const brokerId of [...this.#killed]) this.start(brokerId);
  }

  #cut(from: string, to: string): void {
    if (this.#options.isOver()) return;
    this.#cuts.add(linkName(from, to));
    this.#options.world.links.cut(from, to);
  }

  #heal(isWanted: (from: string, to: string) => boolean): void {
    for (const name of [...this.#cuts]) {
      const [from = "", to = ""] = name.split(between);
      if (!isWanted(from, to)) continue;
      this.#cuts.delete(name);
      this.#options.world.links.heal(from, to);
    }
  }

  #brokerIds(): readonly number[] {
    return this.#options.cluster.machines.map(({ brokerId }) => brokerId);
  }

  #host(brokerId: number): string {
    return this.#machine(brokerId).host;
  }

  #machine(brokerId: number): BrokerMachine {
    const machine = this.#options.cluster.machines.find((each) => each.brokerId === brokerId);
    if (machine === undefined)
      throw new Error(`Cannot plot with broker ${brokerId}: there is none`);
    return machine;
  }

  #shuffled(ids: readonly number[]): readonly number[] {
    const left = [...ids];
    return ids.flatMap(() => left.splice(this.random.integer(left.length), 1));
  }
}

const between = " > ";

function linkName(from: string, to: string): string {
  return `${from}${between}${to}`;
}
