import { type Admin, RopewalkClient } from "@ropewalk/client";
import type { Anomaly } from "./checks/anomaly.ts";
import { checkHistory } from "./checks/history-check.ts";
import { RaftWatch } from "./checks/raft-watch.ts";
import { checkReplicas } from "./checks/replica-check.ts";
import { clientHosts, Nemesis } from "./nemesis.ts";
import type { RunOptions } from "./run-options.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";
import { Consuming, readAll } from "./workload/consuming.ts";
import { History } from "./workload/history.ts";
import { Moving } from "./workload/moving.ts";
import { Producing } from "./workload/producing.ts";
import { SimulatedChannels } from "./world/grpc-channels.ts";
import { SimulatedProcess } from "./world/simulated-process.ts";
import { World } from "./world/world.ts";

/** What a run found out. */
export interface RunOutcome {
  readonly seed: string;
  /** Empty where all went well. */
  readonly failures: readonly string[];
  readonly traceHash: string;
  readonly lastLines: readonly string[];
  readonly simulatedMs: number;
  readonly eventCount: number;
  readonly writtenCount: number;
  readonly acknowledgedCount: number;
  readonly seenCount: number;
  readonly faultCounts: ReadonlyMap<string, number>;
}

const topic = "events";

/** Runs one seed: a cluster under load and faults, then in peace until everything has converged, then the checks. */
export class Run {
  readonly #options: RunOptions;
  readonly #world: World;
  readonly #cluster: SimulatedCluster;
  readonly #nemesis: Nemesis;
  readonly #history = new History();
  readonly #clients: RopewalkClient[] = [];
  readonly #failures: string[] = [];

  constructor(options: RunOptions, onLine?: (line: string) => void) {
    const { disk, link, seed } = options;
    this.#options = options;
    this.#world = new World({ seed, disk, link, onLine });
    const watch = new RaftWatch((anomaly) => this.#failures.push(describe(anomaly)));
    this.#cluster = new SimulatedCluster(this.#world, options.brokerCount, options.limits, watch);
    this.#nemesis = new Nemesis(this.#world, this.#cluster, {
      kinds: options.faults,
      everyMsMax: options.faultEveryMsMax,
      lastsMsMax: options.faultLastsMsMax,
    });
  }

  async run(): Promise<RunOutcome> {
    const onStray = (error: unknown): void => {
      this.#failures.push(`nobody caught: ${error instanceof Error ? error.stack : String(error)}`);
    };
    process.on("unhandledRejection", onStray);
    process.on("uncaughtException", onStray);
    try {
      await this.#phases();
    } finally {
      process.off("unhandledRejection", onStray);
      process.off("uncaughtException", onStray);
    }
    return this.#outcome();
  }

  async #phases(): Promise<void> {
    const { loop } = this.#world;
    this.#cluster.startAll();
    const admin = this.#client(0).admin();
    if (!(await this.#within(60_000, "create the topic", this.#createTopic(admin)))) return;
    const producers = this.#startProducers();
    const consumers = this.#startConsumers();
    const moving = this.#startMoving();
    this.#nemesis.start();
    const { failures } = this.#cluster;
    const isWrong = (): boolean => this.#failures.length + failures.length > 0;
    await loop.runUntil(isWrong, loop.nowMs + this.#options.busyMs);
    this.#failures.push(...failures);
    if (isWrong()) return;
    for (const producer of producers) producer.stop();
    moving?.stop();
    this.#nemesis.stop();
    this.#world.trace.tell("run", "peace");
    if (moving !== undefined) {
      // Where they do not end, what was written is looked at all the same: it may be lost, too.
      await this.#within(this.#options.livenessMs, "end all moves", moving.settled());
    }
    await this.#converge(producers, consumers);
  }

  async #converge(producers: readonly Producing[], consumers: readonly Consuming[]): Promise<void> {
    const { loop } = this.#world;
    const pending = (): number => producers.reduce((sum, each) => sum + each.pendingCount, 0);
    const endMs = loop.nowMs + this.#options.livenessMs;
    if (!(await loop.runUntil(() => pending() === 0, endMs))) {
      this.#failures.push(
        `liveness: ${pending()} records have no fate ${this.#options.livenessMs} ms after the last fault`,
      );
    }
    let logs: Awaited<ReturnType<typeof readAll>> | undefined;
    const reading = readAll(this.#client(2), topic).then((read) => (logs = read));
    if (!(await this.#within(this.#options.livenessMs, "read everything", reading))) return;
    const anomalies = checkHistory(this.#history, logs ?? new Map());
    this.#failures.push(...anomalies.slice(0, 10).map(describe), ...this.#cluster.failures);
    for (const { failure } of consumers) {
      if (failure !== undefined) this.#failures.push(`a consumer ended: ${failure}`);
    }
    if (this.#history.count("acknowledged") === 0) this.#failures.push("nothing was acknowledged");
    if (!(await this.#within(30_000, "stop", this.#stop()))) return;
    const checking = checkReplicas(this.#cluster.stoppedBrokers()).then((found) =>
      this.#failures.push(...found.slice(0, 10).map(describe)),
    );
    await this.#within(this.#options.livenessMs, "look at the replicas", checking);
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.#cluster.stopAll();
  }

  async #createTopic(admin: Admin): Promise<void> {
    for (;;) {
      try {
        const { partitionCount } = this.#options;
        await admin.createTopic({ name: topic, partitionCount, configs: { "segment.ms": "2000" } });
        return;
      } catch (error) {
        this.#world.trace.tell("admin", String(error));
        if (String(error).includes("already exists")) return;
        await new Promise<void>((resolve) => void this.#world.loop.schedule(500, resolve));
      }
    }
  }

  #startProducers(): Producing[] {
    const { burstMax, partitionCount, pauseMsMax, producerCount, valueBytesMax } = this.#options;
    return Array.from({ length: producerCount }, (_, row) => {
      const name = `p${row + 1}`;
      const process = this.#process(row);
      const random = this.#world.random.fork(name);
      const options = { name, topic, partitionCount, valueBytesMax, pauseMsMax, burstMax };
      const client = this.#client(row, process);
      const producing = new Producing(client, process, random, this.#history, options);
      producing.start();
      return producing;
    });
  }

  #startConsumers(): Consuming[] {
    return Array.from({ length: this.#options.consumerCount }, (_, row) => {
      const consuming = new Consuming(`c${row + 1}`, topic, this.#client(row), this.#history);
      consuming.start();
      return consuming;
    });
  }

  #startMoving(): Moving | undefined {
    const { brokerCount, moveEveryMsMax: everyMsMax, partitionCount } = this.#options;
    if (everyMsMax === 0) return undefined;
    const process = this.#process(0);
    const random = this.#world.random.fork("moving");
    const options = { topic, partitionCount, brokerCount, everyMsMax };
    const moving = new Moving(this.#client(0, process).admin(), process, random, options);
    moving.start();
    return moving;
  }

  #process(row: number): SimulatedProcess {
    const host = clientHosts[row % clientHosts.length] ?? "client-1";
    return new SimulatedProcess(this.#world.loop, host);
  }

  #client(row: number, process: SimulatedProcess = this.#process(row)): RopewalkClient {
    const client = new RopewalkClient({
      bootstrapServers: this.#cluster.bootstrapServers,
      clock: process,
      random: this.#world.random.fork(`client-${this.#clients.length}`),
      channels: new SimulatedChannels(this.#world, process),
    });
    this.#clients.push(client);
    return client;
  }

  /** Lets the world go on until something is done, and answers whether it was; says so where it takes too long or fails. */
  async #within(limitMs: number, what: string, work: Promise<unknown>): Promise<boolean> {
    const { loop } = this.#world;
    let isOver = false;
    let isDone = false;
    work.then(
      () => (isOver = isDone = true),
      (error: unknown) => {
        isOver = true;
        this.#failures.push(
          `cannot ${what}: ${error instanceof Error ? error.stack : String(error)}`,
        );
      },
    );
    const isInTime = await loop.runUntil(() => isOver, loop.nowMs + limitMs);
    if (!isInTime) this.#failures.push(`liveness: cannot ${what} within ${limitMs} ms`);
    return isDone;
  }

  #outcome(): RunOutcome {
    const { loop, trace } = this.#world;
    let seenCount = 0;
    for (const seen of this.#history.seen.values()) seenCount += seen.length;
    return {
      seed: this.#options.seed,
      failures: this.#failures,
      traceHash: trace.hash,
      lastLines: trace.lastLines(100),
      simulatedMs: loop.nowMs,
      eventCount: loop.eventCount,
      writtenCount: this.#history.written.size,
      acknowledgedCount: this.#history.count("acknowledged"),
      seenCount,
      faultCounts: this.#nemesis.counts,
    };
  }
}

function describe({ detail, kind }: Anomaly): string {
  return `${kind}: ${detail}`;
}
