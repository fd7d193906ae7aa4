import { atSync } from "./crash-point.ts";
import type { BrokerMachine, SimulatedCluster } from "./simulated-cluster.ts";
import { clientHosts } from "./workload/client-seats.ts";
import type { SeededRandom } from "./world/seeded-random.ts";
import type { World } from "./world/world.ts";

/** What can happen to a cluster. */
export const faultKinds = [
  "kill",
  "power cut",
  "power cut of all",
  "power cut at a sync",
  "pause",
  "partition",
  "one-way partition",
  "slow link",
  "disk stall",
  "clock jump",
  "disk full",
] as const;

/** One of them. */
export type FaultKind = (typeof faultKinds)[number];

/** How often and how long. */
export interface NemesisOptions {
  readonly kinds: readonly FaultKind[];
  readonly everyMsMax: number;
  readonly lastsMsMax: number;
  /** Only the strikes with these numbers are done; absent: all. What they do does not depend on the others. */
  readonly strikes?: readonly number[] | undefined;
}

/** Does harm to a cluster, one thing after another, several at a time, and mends it when told to. */
export class Nemesis {
  readonly #world: World;
  readonly #cluster: SimulatedCluster;
  readonly #pace: SeededRandom;
  /** Of the strike that is being done. */
  #random: SeededRandom;
  readonly #options: NemesisOptions;
  readonly counts: Map<FaultKind, number> = new Map();
  /** Strikes up to now, those that were left out among them. */
  strikeCount = 0;
  #isOver = false;

  constructor(world: World, cluster: SimulatedCluster, options: NemesisOptions) {
    this.#world = world;
    this.#cluster = cluster;
    this.#pace = world.random.fork("nemesis");
    this.#random = this.#pace;
    this.#options = options;
  }

  start(): void {
    if (this.#options.kinds.length === 0) return;
    this.#world.loop.schedule(this.#pace.between(0, this.#options.everyMsMax), () => {
      if (this.#isOver) return;
      const strike = this.strikeCount++;
      this.#random = this.#pace.fork(String(strike));
      if (this.#options.strikes?.includes(strike) !== false) {
        this.#strike(this.#random.pick(this.#options.kinds));
      }
      this.start();
    });
  }

  /** Mends everything, for good. */
  stop(): void {
    this.#isOver = true;
    this.#world.links.healAll();
    for (const machine of this.#cluster.machines) {
      machine.disk.stallMs = 0;
      machine.disk.bytesMax = Number.POSITIVE_INFINITY;
      machine.disk.onSynced = undefined;
      machine.process?.resume();
      this.#cluster.start(machine);
    }
  }

  #strike(kind: FaultKind): void {
    const machine = this.#random.pick(this.#cluster.machines);
    const lastsMs = this.#random.between(1, this.#options.lastsMsMax);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.#world.trace.tell("nemesis", `${kind}: ${machine.host}, ${lastsMs.toFixed(0)} ms`);
    const mend = this.#harm(kind, machine);
    this.#world.loop.schedule(lastsMs, () => {
      if (!this.#isOver) mend();
    });
  }

  /** Answers how to mend it. */
  #harm(kind: FaultKind, machine: BrokerMachine): () => void {
    switch (kind) {
      case "kill":
      case "power cut":
        this.#cluster.kill(machine, kind === "kill" ? "kill" : "power");
        return () => this.#cluster.start(machine);
      case "power cut of all":
        for (const each of this.#cluster.machines) this.#cluster.kill(each, "power");
        return () => this.#cluster.startAll();
      case "power cut at a sync":
        return this.#cutPowerAtSync(machine);
      case "pause":
        machine.process?.pause();
        return () => machine.process?.resume();
      case "partition":
        return this.#cutAround(machine, "both");
      case "one-way partition":
        return this.#cutAround(machine, this.#random.chance(0.5) ? "in" : "out");
      case "slow link":
        return this.#slowAround(machine);
      case "disk stall":
        machine.disk.stallMs = this.#random.between(10, 5000);
        return () => (machine.disk.stallMs = 0);
      case "disk full":
        machine.disk.bytesMax = machine.disk.usedBytes() + this.#random.integer(1024 * 1024);
        return () => (machine.disk.bytesMax = Number.POSITIVE_INFINITY);
      case "clock jump":
        machine.process?.setWallOffset(this.#random.between(-3_600_000, 3_600_000));
        return () => machine.process?.setWallOffset(0);
    }
  }

  #cutPowerAtSync(machine: BrokerMachine): () => void {
    const callOff = atSync(machine, this.#random, () => this.#cluster.kill(machine, "power"));
    return () => {
      callOff();
      this.#cluster.start(machine);
    };
  }

  /** Cuts a broker off from the others, and clients, too, now and then. */
  #cutAround({ host }: BrokerMachine, direction: "in" | "out" | "both"): () => void {
    const others = this.#othersOf(host);
    const { links } = this.#world;
    for (const other of others) {
      if (direction !== "in") links.cut(host, other);
      if (direction !== "out") links.cut(other, host);
    }
    return () => {
      for (const other of others) {
        links.heal(host, other);
        links.heal(other, host);
      }
    };
  }

  #slowAround({ host }: BrokerMachine): () => void {
    const other = this.#random.pick(this.#othersOf(host));
    this.#world.links.slow(host, other, this.#random.between(1, 400));
    return () => this.#world.links.heal(host, other);
  }

  #othersOf(host: string): readonly string[] {
    const brokers = this.#cluster.machines.map((each) => each.host);
    const all = this.#random.chance(0.3) ? [...brokers, ...clientHosts] : brokers;
    return all.filter((other) => other !== host);
  }
}
