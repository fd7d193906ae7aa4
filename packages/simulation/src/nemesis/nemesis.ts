import type { BrokerMachine, SimulatedCluster } from "../simulated-cluster.ts";
import { clientHosts } from "../workload/client-seats.ts";
import type { World } from "../world/world.ts";
import { breakDisk, fill, loseState, rot, stall, wipe } from "./disk-faults.ts";
import { type FaultKind, lossyFaults } from "./fault-kind.ts";
import type { Fault, FaultScene } from "./fault-scene.ts";
import {
  cutLink,
  partition,
  partitionForLong,
  partitionOneWay,
  resetConnections,
  slowLink,
} from "./network-faults.ts";
import {
  cutPower,
  cutPowerAtSync,
  cutPowerOfAll,
  jumpClock,
  kill,
  pause,
} from "./process-faults.ts";

/** How a machine stays broken when the others are mended. */
export const lastingFaults = ["dead", "cut off", "broken disk", "paused"] as const;

/** One of them. */
export type LastingFault = (typeof lastingFaults)[number];

/** How often and how long. */
export interface NemesisOptions {
  readonly kinds: readonly FaultKind[];
  readonly everyMsMax: number;
  readonly lastsMsMax: number;
  /** One machine is never mended; absent: all are. */
  readonly lasting?: LastingFault | undefined;
  /** Only the strikes with these numbers are done; absent: all. What they do does not depend on the others. */
  readonly strikes?: readonly number[] | undefined;
}

const faults: Readonly<Record<FaultKind, Fault>> = {
  kill,
  "power cut": cutPower,
  "power cut of all": cutPowerOfAll,
  "power cut at a sync": cutPowerAtSync,
  pause,
  partition,
  "one-way partition": partitionOneWay,
  "long partition": partitionForLong,
  "slow link": slowLink,
  "connection reset": resetConnections,
  "disk stall": stall,
  "disk full": fill,
  "broken disk": breakDisk,
  rot,
  "lost state": loseState,
  "wiped machine": wipe,
  "clock jump": jumpClock,
  "cut link": cutLink,
};

/**
 * Does harm to a cluster, one thing after another, several at a time, and mends it when told to. All that it does can be
 * survived: whatever machines are down, what is on their disks stays, but for that of one and the same machine, so that a
 * majority of every group with three replicas keeps what it has acknowledged.
 */
export class Nemesis {
  readonly #scene: FaultScene;
  readonly #options: NemesisOptions;
  readonly counts: Map<FaultKind, number> = new Map();
  /** Strikes up to now, those that were left out among them. */
  strikeCount = 0;
  #isOver = false;

  constructor(world: World, cluster: SimulatedCluster, options: NemesisOptions) {
    const random = world.random.fork("nemesis");
    this.#scene = { world, cluster, random, victim: random.pick(cluster.machines) };
    this.#options = options;
  }

  start(): void {
    if (this.#options.kinds.length === 0) return;
    const { random, world } = this.#scene;
    world.loop.schedule(random.between(0, this.#options.everyMsMax), () => {
      if (this.#isOver) return;
      const strike = this.strikeCount++;
      if (this.#options.strikes?.includes(strike) !== false) this.#strike(strike);
      this.start();
    });
  }

  /** Mends everything, for good; all but one machine where that is to stay broken. */
  stop(): void {
    this.#isOver = true;
    const { cluster, victim, world } = this.#scene;
    world.links.healAll();
    for (const machine of cluster.machines) {
      machine.process?.resume();
      if (machine.disk.isBroken) cluster.kill(machine, "kill");
      machine.disk.mend();
      if (machine !== victim || this.#options.lasting !== "dead") cluster.start(machine);
    }
    if (this.#options.lasting !== undefined) this.#leaveBroken(victim, this.#options.lasting);
  }

  /** Ends what stayed broken, so that its disk can be looked at. */
  end(): void {
    if (this.#options.lasting === undefined) return;
    const { cluster, victim } = this.#scene;
    cluster.kill(victim, "kill");
    victim.disk.mend();
  }

  #leaveBroken(machine: BrokerMachine, how: LastingFault): void {
    const { cluster, world } = this.#scene;
    world.trace.tell(machine.host, `stays ${how}`);
    machine.isLost = true;
    if (how === "dead") cluster.kill(machine, "power");
    else if (how === "broken disk") machine.disk.isBroken = true;
    else if (how === "paused") machine.process?.pause();
    else this.#cutOff(machine);
  }

  #cutOff({ host }: BrokerMachine): void {
    const { cluster, world } = this.#scene;
    const brokers = cluster.machines.map((each) => each.host);
    for (const other of [...brokers, ...clientHosts]) {
      if (other === host) continue;
      world.links.cut(host, other);
      world.links.cut(other, host);
    }
  }

  #strike(strike: number): void {
    const { cluster, victim, world } = this.#scene;
    const random = this.#scene.random.fork(String(strike));
    const kind = random.pick(this.#options.kinds);
    const machine = lossyFaults.includes(kind) ? victim : random.pick(cluster.machines);
    const lastsMs = random.between(1, this.#options.lastsMsMax);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    world.trace.tell("nemesis", `${kind}: ${machine.host}, ${lastsMs.toFixed(0)} ms`);
    const mend = faults[kind]({ ...this.#scene, random }, machine);
    world.loop.schedule(lastsMs, () => {
      if (!this.#isOver) mend();
    });
  }
}
