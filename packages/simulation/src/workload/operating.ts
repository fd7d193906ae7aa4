import type { Admin } from "@ropewalk/client";
import type { BrokerMachine, SimulatedCluster } from "../simulated-cluster.ts";
import type { SeededRandom } from "../world/seeded-random.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import { Activity, pause } from "./activity.ts";
import { callFailureOf } from "./call-failure.ts";
import type { ClientSeat } from "./client-seats.ts";

/** What an operator does with brokers of one version. */
export const brokerChores = ["drain", "decommission", "grow", "rolling restart"] as const;

/** What an operator does with brokers. */
export type BrokerChore = (typeof brokerChores)[number] | "upgrade";

/** How an operator works. */
export interface OperatingOptions {
  readonly chores: readonly BrokerChore[];
  readonly everyMsMax: number;
  /** Machines that may be added. */
  readonly growBy: number;
}

/**
 * How long an operator waits for a broker to be emptied before the decommission is taken back, and for a new machine to
 * register before another one takes its place.
 */
const patienceMs = 15_000;

/** An operator who drains, decommissions, replaces, adds, restarts and upgrades brokers under load. */
export class Operating {
  readonly #admin: Admin;
  readonly #process: SimulatedProcess;
  readonly #cluster: SimulatedCluster;
  readonly #random: SeededRandom;
  readonly #options: OperatingOptions;
  readonly #activity: Activity;
  /** The brokers that were there from the beginning. */
  readonly #founders: readonly BrokerMachine[];
  /** New machines that have not registered yet, as far as is known, and when they were put there. */
  readonly #expected = new Map<BrokerMachine, number>();
  #grown = 0;
  /** A machine that was given the older version again. Until it has registered, the cluster takes it for a newer one. */
  #goingBack: BrokerMachine | undefined;
  readonly counts: Map<BrokerChore, number> = new Map();

  constructor(
    { client, process }: ClientSeat,
    cluster: SimulatedCluster,
    random: SeededRandom,
    options: OperatingOptions,
  ) {
    this.#admin = client.admin({ timeoutMs: 5000 });
    this.#process = process;
    this.#cluster = cluster;
    this.#random = random;
    this.#options = options;
    this.#founders = [...cluster.machines];
    const pace = { process, random, everyMsMax: options.everyMsMax };
    this.#activity = new Activity(pace, () => this.#chore(random.pick(options.chores)));
  }

  start(): void {
    this.#activity.start();
  }

  stop(): void {
    this.#activity.stop();
  }

  /** Resolves when every broker serves again. */
  async settled(): Promise<void> {
    await this.#activity.ended();
    for (const machine of this.#founders) {
      if (machine.isLost) continue;
      while (!(await this.#undrain(machine))) await pause(this.#process, 200);
    }
  }

  async #chore(chore: BrokerChore): Promise<void> {
    const machine = this.#random.pick(this.#founders);
    // Either might have the level raised before that machine says what it knows.
    if ((chore === "decommission" || chore === "upgrade") && !this.#hasGoneBack()) return;
    if (chore === "drain") await this.#drain(machine);
    else if (chore === "decommission") await this.#decommission(machine);
    else if (chore === "grow") this.#grow();
    else if (chore === "upgrade") await this.#changeVersion(machine);
    else await this.#rollingRestart();
    this.counts.set(chore, (this.counts.get(chore) ?? 0) + 1);
  }

  async #drain(machine: BrokerMachine): Promise<void> {
    await this.#admin.drainBroker(machine.brokerId);
    await pause(this.#process, this.#random.between(0, 3000));
    await this.#undrain(machine);
  }

  /** Whether the broker serves: one that was removed in the meantime comes back as a new one. */
  async #undrain(machine: BrokerMachine): Promise<boolean> {
    try {
      await this.#admin.undrainBroker(machine.brokerId);
      this.#expected.delete(machine);
      return true;
    } catch (error) {
      return isNotRegistered(error) && this.#replace(machine);
    }
  }

  /** Puts a new machine in the place of one that was removed; answers whether it did: the one before may be on its way. */
  #replace(machine: BrokerMachine): boolean {
    const nowMs = this.#process.monotonicMs();
    // Or it came, and was removed once more by a call that failed on its way back.
    if (nowMs - (this.#expected.get(machine) ?? Number.NEGATIVE_INFINITY) < patienceMs)
      return false;
    this.#expected.set(machine, nowMs);
    this.#cluster.replace(machine);
    return true;
  }

  async #decommission(machine: BrokerMachine): Promise<void> {
    await this.#admin.decommissionBroker(machine.brokerId);
    this.#expected.delete(machine);
    const endMs = this.#process.monotonicMs() + patienceMs;
    while (this.#process.monotonicMs() < endMs && !this.#activity.isStopped) {
      await pause(this.#process, 300);
      try {
        await this.#admin.decommissionBroker(machine.brokerId);
      } catch (error) {
        if (!isNotRegistered(error)) continue;
        this.#replace(machine);
        return;
      }
    }
    await this.#undrain(machine);
  }

  #grow(): void {
    if (this.#grown >= this.#options.growBy) return;
    this.#grown++;
    this.#cluster.grow();
  }

  async #rollingRestart(): Promise<void> {
    for (const machine of this.#cluster.machines) {
      if (this.#activity.isStopped) return;
      await this.#restart(machine);
    }
  }

  /**
   * Gives a machine the newer version, or takes it back where it has it: for as long as two others have the older one, and
   * hold the cluster's feature level down.
   */
  async #changeVersion(machine: BrokerMachine): Promise<void> {
    if (machine.version === "newer") {
      const others = this.#cluster.machines.filter((each) => each !== machine);
      if (others.filter(({ version }) => version === "older").length < 2) return;
      this.#goingBack = machine;
      machine.version = "older";
    } else {
      machine.version = "newer";
    }
    await this.#restart(machine);
  }

  #hasGoneBack(): boolean {
    if (this.#goingBack?.broker?.isReady() === true) this.#goingBack = undefined;
    return this.#goingBack === undefined;
  }

  async #restart(machine: BrokerMachine): Promise<void> {
    await this.#cluster.restart(machine);
    const endMs = this.#process.monotonicMs() + 5000;
    while (machine.broker === undefined && this.#process.monotonicMs() < endMs) {
      await pause(this.#process, 50);
    }
  }
}

function isNotRegistered(error: unknown): boolean {
  return callFailureOf(error).code === "BROKER_ID_NOT_REGISTERED";
}
