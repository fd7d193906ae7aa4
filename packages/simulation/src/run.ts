import type { Admin } from "@ropewalk/client";
import type { Anomaly } from "./checks/anomaly.ts";
import { clusterReport } from "./checks/cluster-report.ts";
import { GroupWatch } from "./checks/group-watch.ts";
import { HeldBytesWatch } from "./checks/held-bytes-watch.ts";
import { checkHistory } from "./checks/history-check.ts";
import { RaftWatch } from "./checks/raft-watch.ts";
import { checkReplicas } from "./checks/replica-check.ts";
import type { FaultKind } from "./nemesis/fault-kind.ts";
import { Nemesis } from "./nemesis/nemesis.ts";
import type { RunOptions } from "./run-options.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";
import { ClientSeats } from "./workload/client-seats.ts";
import { nameIn, readAll } from "./workload/consuming.ts";
import { History, valueOf } from "./workload/history.ts";
import type { LoadedTopic } from "./workload/loaded-topic.ts";
import { Workload } from "./workload/workload.ts";
import { Tripwire } from "./world/tripwire.ts";
import { World } from "./world/world.ts";

/** After these, brokers may well find damage. */
const damagingFaults: readonly FaultKind[] = ["rot", "broken disk", "lost state"];

/** Ten times as many as the busiest second of any run has had in which nothing was wrong. */
const eventsPerSecondMax = 200_000;

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
  /** Faults that were due, whether they happened or were left out. */
  readonly strikeCount: number;
}

/** Runs one seed: a cluster under load and faults, then in peace until everything has converged, then the checks. */
export class Run {
  readonly #options: RunOptions;
  readonly #world: World;
  readonly #cluster: SimulatedCluster;
  readonly #nemesis: Nemesis;
  readonly #heldBytes: HeldBytesWatch;
  readonly #history = new History();
  readonly #seats: ClientSeats;
  readonly #topic: LoadedTopic;
  readonly #failures: string[] = [];

  constructor(options: RunOptions, onLine?: (line: string) => void) {
    const { disk, link, seed } = options;
    this.#options = options;
    this.#world = new World({ seed, disk, link, onLine, eventsPerSecondMax });
    const report = (anomaly: Anomaly): void => void this.#failures.push(describe(anomaly));
    const watch = new RaftWatch(report);
    this.#history.onAcknowledged = ({ number, producer }, partition, offset) => {
      if (watch.committed.has(partition, offset, (value) => this.#partitionOf(value))) return;
      const detail = `${valueOf({ number, producer })} was acknowledged at ${partition}:${offset}, which no replica has applied`;
      this.#failures.push(describe({ kind: "early acknowledgement", detail }));
    };
    const { brokerCount, firstVersion, limits } = options;
    this.#cluster = new SimulatedCluster(this.#world, brokerCount, limits, {
      firstVersion,
      watch,
      groupWatch: new GroupWatch(report),
    });
    this.#heldBytes = new HeldBytesWatch(this.#world.loop, this.#cluster, report);
    this.#seats = new ClientSeats(this.#world, this.#cluster.bootstrapServers);
    this.#topic = { name: "events", partitionCount: options.partitionCount };
    this.#nemesis = new Nemesis(this.#world, this.#cluster, {
      kinds: options.faults,
      everyMsMax: options.faultEveryMsMax,
      lastsMsMax: options.faultLastsMsMax,
      strikes: options.strikes,
      lasting: options.lastingFault,
    });
  }

  async run(): Promise<RunOutcome> {
    const onStray = (error: unknown): void => {
      this.#failures.push(`nobody caught: ${error instanceof Error ? error.stack : String(error)}`);
    };
    process.on("unhandledRejection", onStray);
    process.on("uncaughtException", onStray);
    const tripwire = new Tripwire((what) => void this.#failures.push(`real world: ${what}`));
    try {
      await this.#phases();
    } catch (error) {
      // An event threw: a broker's process would have ended.
      this.#failures.push(`crash: ${error instanceof Error ? error.stack : String(error)}`);
    } finally {
      tripwire.remove();
      process.off("unhandledRejection", onStray);
      process.off("uncaughtException", onStray);
    }
    return this.#outcome();
  }

  async #phases(): Promise<void> {
    const { loop } = this.#world;
    this.#cluster.startAll();
    const admin = this.#seats.open(0).client.admin();
    if (!(await this.#within(60_000, "create the topic", this.#createTopic(admin)))) return;
    const workload = new Workload(
      {
        world: this.#world,
        cluster: this.#cluster,
        seats: this.#seats,
        history: this.#history,
        topic: this.#topic,
      },
      this.#options,
    );
    workload.start();
    this.#nemesis.start();
    this.#heldBytes.start();
    await loop.runUntil(() => this.#isWrong(), loop.nowMs + this.#options.busyMs);
    if (this.#isWrong()) return;
    workload.stop();
    this.#nemesis.stop();
    this.#world.trace.tell("run", "peace");
    // Where it does not settle, what was written is looked at all the same: it may be lost, too.
    await this.#within(this.#options.livenessMs, "end what was begun", workload.settled());
    await this.#converge(workload);
  }

  #partitionOf(value: Uint8Array): number | undefined {
    return this.#history.written.get(nameIn(value))?.partition;
  }

  /** Whether there is anything to report already. */
  #isWrong(): boolean {
    const { failures } = this.#cluster;
    const { leaks } = this.#seats;
    const { errors } = this.#world;
    // This is asked after every event.
    const isQuiet = failures.length === 0 && leaks.length === 0 && errors.length === 0;
    if (isQuiet) return this.#failures.length > 0;
    this.#failures.push(...failures.splice(0), ...leaks.splice(0));
    const { faults, lastingFault } = this.#options;
    const kinds: readonly string[] =
      lastingFault === undefined ? faults : [...faults, lastingFault];
    if (!damagingFaults.some((kind) => kinds.includes(kind))) {
      this.#failures.push(...errors.filter(isOfDamage).map((error) => `damage: ${error}`));
    }
    errors.length = 0;
    return this.#failures.length > 0;
  }

  async #converge(workload: Workload): Promise<void> {
    const { loop } = this.#world;
    const { livenessMs } = this.#options;
    if (!(await loop.runUntil(() => workload.pendingCount === 0, loop.nowMs + livenessMs))) {
      this.#failures.push(
        `liveness: ${workload.pendingCount} records have no fate ${livenessMs} ms after the last fault`,
      );
      await this.#tellState();
    }
    if (!(await this.#within(livenessMs, "write to every partition", workload.served()))) return;
    let logs: Awaited<ReturnType<typeof readAll>> | undefined;
    const reading = readAll(this.#seats.open(2), this.#topic).then((read) => (logs = read));
    if (!(await this.#within(livenessMs, "read everything", reading))) return;
    const anomalies = checkHistory(this.#history, logs ?? new Map());
    this.#failures.push(...anomalies.slice(0, 10).map(describe));
    this.#failures.push(...workload.consumerFailures());
    if (this.#history.count("acknowledged") === 0) this.#failures.push("nothing was acknowledged");
    const ends = new Map(
      logs?.entries().map(([partition, log]) => [partition, (log.at(-1)?.offset ?? -1) + 1]),
    );
    await loop.runUntil(() => workload.unseen(ends).length === 0, loop.nowMs + livenessMs);
    this.#failures.push(...workload.unseen(ends).slice(0, 10));
    const settled = workload.groupSettled(ends);
    await this.#within(livenessMs, "have the group read everything", settled);
    this.#failures.push(...workload.groupFailures().slice(0, 10));
    await this.#expectNone("make a topic anew", workload.checkTopics());
    if (!(await this.#within(30_000, "stop", this.#stop()))) return;
    this.#nemesis.end();
    const replicas = checkReplicas(this.#cluster.stoppedBrokers());
    const described = replicas.then((found) => found.map(describe));
    await this.#expectNone("look at the replicas", described);
  }

  /** Lets the world go on until a check is over, and notes what it found. */
  async #expectNone(what: string, check: Promise<readonly string[]>): Promise<void> {
    const noted = check.then((found) => this.#failures.push(...found.slice(0, 10)));
    await this.#within(this.#options.livenessMs, what, noted);
  }

  async #stop(): Promise<void> {
    await this.#seats.closeAll();
    // A machine that stays broken may hold what it cannot get rid of.
    if (this.#options.lastingFault === undefined)
      this.#failures.push(...(await this.#heldBytes.expectReleased()));
    await this.#cluster.stopAll();
  }

  async #createTopic(admin: Admin): Promise<void> {
    for (;;) {
      try {
        const { partitionCount } = this.#options;
        await admin.createTopic({
          name: this.#topic.name,
          partitionCount,
          configs: { "segment.ms": "2000" },
        });
        return;
      } catch (error) {
        this.#world.trace.tell("admin", String(error));
        if (String(error).includes("already exists")) return;
        await new Promise<void>((resolve) => void this.#world.loop.schedule(500, resolve));
      }
    }
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
    this.#isWrong();
    if (!isInTime) {
      this.#failures.push(`liveness: cannot ${what} within ${limitMs} ms`);
      await this.#tellState();
    }
    return isDone;
  }

  /** Puts into the trace what the cluster says of itself. */
  async #tellState(): Promise<void> {
    const { loop, trace } = this.#world;
    let lines: readonly string[] | undefined;
    const admin = this.#seats.open(0).client.admin({ timeoutMs: 5000 });
    void clusterReport(admin).then((told) => (lines = told));
    await loop.runUntil(() => lines !== undefined, loop.nowMs + 20_000);
    for (const line of lines ?? []) trace.tell("cluster", line);
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
      strikeCount: this.#nemesis.strikeCount,
    };
  }
}

/** Replicas mend each other: that one had to be, and nothing had harmed what it stored, would not be seen otherwise. A disk that was replaced by an empty one is no damage. */
function isOfDamage(error: string): boolean {
  const isOfOldDisk = error.includes("the disk that this broker had before");
  return !isOfOldDisk && /damaged|is lost|quarantined/.test(error);
}

function describe({ detail, kind }: Anomaly): string {
  return `${kind}: ${detail}`;
}
