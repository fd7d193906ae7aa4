import type { NewTopic, RopewalkClient } from "@ropewalk/client";
import {
  clientHosts,
  type EventLoop,
  Nemesis,
  type NemesisOptions,
  optionsOfSeed,
  SimulatedCluster,
  World,
} from "@ropewalk/simulation";
import { newTopic } from "./cluster-shape.ts";
import { drivenTime } from "./cluster-time.ts";
import { type Duration, durationMs } from "./duration.ts";
import { type Fault, RandomFaults } from "./random-faults.ts";
import { SimulationFailure } from "./simulation-failure.ts";
import { TestCluster } from "./test-cluster.ts";
import { TestingError } from "./testing-error.ts";
import { runWithin, TestProcess } from "./virtual-context.ts";
import { useVirtualGlobals } from "./virtual-globals.ts";

/** What the function of a simulated test is given. */
export interface Simulation {
  readonly cluster: TestCluster;
  /** The same as `cluster.client`. */
  readonly client: RopewalkClient;
  /** What befalls the cluster. */
  readonly faults: RandomFaults;
  /** The seed of this run. */
  readonly seed: string;
}

/** What the function of a simulated test looks like. */
export type SimulationBody = (simulation: Simulation) => Promise<void> | void;

/** What a run that went well was like. */
export interface TestReport {
  readonly seed: string;
  /** How much virtual time it took. */
  readonly elapsedMs: number;
  /** How often each kind of fault happened. */
  readonly faultCounts: ReadonlyMap<Fault, number>;
  /** Two runs with the same fingerprint did the same things at the same times. */
  readonly fingerprint: string;
}

/** What all runs of a test have in common. */
export interface SimulatedTestOptions {
  readonly brokers: number;
  readonly topics: readonly (string | NewTopic)[];
  readonly faults: readonly Fault[];
  readonly faultEvery: Duration;
  readonly faultLasts: Duration;
  readonly limit: Duration;
}

/** How long a cluster may take to begin, and to end, in virtual time. */
const edgeMsMax = 120_000;

/** How many events a failure shows. */
const eventsShown = 20;

/** A function that is run against simulated clusters, one for each seed. */
export class SimulatedTest {
  readonly #options: SimulatedTestOptions;
  readonly #body: SimulationBody;
  readonly #limitMs: number;
  readonly #nemesis: NemesisOptions;

  /** Throws INVALID_DURATION. */
  constructor(options: SimulatedTestOptions, body: SimulationBody) {
    this.#options = options;
    this.#body = body;
    this.#limitMs = durationMs(options.limit);
    this.#nemesis = {
      kinds: options.faults,
      everyMsMax: durationMs(options.faultEvery),
      lastsMsMax: durationMs(options.faultLasts),
    };
  }

  /** One run. Rejects with a {@link SimulationFailure}. */
  async run(seed: string): Promise<TestReport> {
    const { disk, link } = optionsOfSeed(seed);
    const world = new World({ seed, disk, link });
    const machines = new SimulatedCluster(world, this.#options.brokers);
    const random = world.random.fork("test");
    const newProcess = (host: string): TestProcess => new TestProcess(world, host, random);
    const closed = (): Promise<void> => Promise.resolve();
    const cluster = new TestCluster({ world, machines, time: drivenTime, newProcess, closed });
    const nemesis = new Nemesis(world, machines, this.#nemesis);
    const faults = new RandomFaults(nemesis, cluster);
    const test = newProcess(clientHosts[0] ?? "client-1");
    const release = useVirtualGlobals();
    try {
      const elapsedMs = await this.#phases(world.loop, cluster, nemesis, () => {
        const { client } = cluster;
        return runWithin(test.context, async () => this.#body({ cluster, client, faults, seed }));
      });
      return { seed, elapsedMs, faultCounts: nemesis.counts, fingerprint: world.trace.hash };
    } catch (error) {
      throw new SimulationFailure(seed, error, cluster.events(eventsShown));
    } finally {
      test.die("kill");
      release();
    }
  }

  /** Answers how long it took, up to the end of the function. */
  async #phases(
    loop: EventLoop,
    cluster: TestCluster,
    nemesis: Nemesis,
    body: () => Promise<void>,
  ): Promise<number> {
    await within(loop, edgeMsMax, "the cluster did not start", this.#prepare(cluster));
    nemesis.start();
    const late = `the function did not end within ${this.#options.limit} of virtual time`;
    await within(loop, this.#limitMs, late, body());
    nemesis.stop();
    const elapsedMs = loop.nowMs;
    await within(loop, edgeMsMax, "the cluster did not end", cluster.close());
    return elapsedMs;
  }

  async #prepare(cluster: TestCluster): Promise<void> {
    await cluster.start();
    const admin = cluster.client.admin();
    for (const topic of this.#options.topics) await admin.createTopic(newTopic(topic));
  }
}

/** Lets time pass until something is done. Rejects as it does, or with TIME_IS_UP. */
async function within(
  loop: EventLoop,
  limitMs: number,
  late: string,
  work: Promise<unknown>,
): Promise<void> {
  let isOver = false;
  const over = (): boolean => (isOver = true);
  work.then(over, over);
  const isInTime = await loop.runUntil(() => isOver, loop.nowMs + limitMs);
  if (!isInTime) throw new TestingError("TIME_IS_UP", late);
  await work;
}
