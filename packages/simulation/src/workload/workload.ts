import { checkGroup } from "../checks/group-check.ts";
import type { RunOptions } from "../run-options.ts";
import type { SimulatedCluster } from "../simulated-cluster.ts";
import type { SeededRandom } from "../world/seeded-random.ts";
import type { World } from "../world/world.ts";
import { Administering } from "./administering.ts";
import { Churning } from "./churning.ts";
import type { ClientSeats } from "./client-seats.ts";
import { Consuming } from "./consuming.ts";
import { GroupConsuming } from "./group-consuming.ts";
import { GroupHistory } from "./group-history.ts";
import type { History } from "./history.ts";
import type { LoadedTopic } from "./loaded-topic.ts";
import { Moving } from "./moving.ts";
import { Operating } from "./operating.ts";
import { Plotting } from "./plotting.ts";
import { Producing } from "./producing.ts";
import { ReadingPace } from "./reading-pace.ts";
import { Trimming } from "./trimming.ts";

/** Where a workload works. */
export interface WorkloadScene {
  readonly world: World;
  readonly cluster: SimulatedCluster;
  readonly seats: ClientSeats;
  readonly history: History;
  readonly topic: LoadedTopic;
}

/** Something that is done with the cluster, may have to be brought to an end, and may find something wrong. */
interface Part {
  start(): void;
  stop(): void;
}

/** Everything that clients and people do with the cluster of one run: each run's options leave parts out. */
export class Workload {
  readonly #scene: WorkloadScene;
  readonly #options: RunOptions;
  readonly producers: readonly Producing[];
  readonly consumers: readonly Consuming[];
  readonly #paces: ReadingPace[] = [];
  readonly moving: Moving | undefined;
  readonly operating: Operating | undefined;
  readonly #group:
    | { readonly consuming: GroupConsuming; readonly history: GroupHistory }
    | undefined;
  readonly #churning: Churning | undefined;
  readonly #administering: Administering | undefined;
  readonly #trimming: Trimming | undefined;
  readonly #plotting: Plotting | undefined;

  constructor(scene: WorkloadScene, options: RunOptions) {
    this.#scene = scene;
    this.#options = options;
    this.producers = this.#newProducers();
    this.consumers = this.#newConsumers();
    this.moving = this.#newMoving();
    this.operating = this.#newOperating();
    this.#group = this.#newGroup();
    this.#churning = this.#newChurning();
    this.#administering = this.#newAdministering();
    this.#trimming = this.#newTrimming();
    this.#plotting = this.#newPlotting();
  }

  start(): void {
    for (const part of this.#parts()) part.start();
    for (const [row, from] of this.#options.consumersFrom.entries())
      this.consumers[row]?.start(from);
  }

  /** Nothing is begun any more, and readers hurry. */
  stop(): void {
    for (const part of this.#parts()) part.stop();
    for (const pace of this.#paces) pace.hurry();
  }

  /** Records whose fate is not known yet. */
  get pendingCount(): number {
    return this.producers.reduce((sum, each) => sum + each.pendingCount, 0);
  }

  /** Resolves when all that people began has come to its end. */
  async settled(): Promise<void> {
    await this.#administering?.settled();
    await this.#trimming?.settled();
    await this.#plotting?.settled();
    await this.operating?.settled();
    await this.moving?.settled();
  }

  /** Resolves when every producer has written to every partition again. */
  async served(): Promise<void> {
    await Promise.all(this.producers.map((producer) => producer.served()));
  }

  /** Resolves with what was wrong with topics that came and went. */
  async checkTopics(): Promise<readonly string[]> {
    return (await this.#churning?.settled()) ?? [];
  }

  /** Resolves when the group has read everything: up to these offsets, by partition. */
  async groupSettled(ends: ReadonlyMap<number, number>): Promise<void> {
    await this.#group?.consuming.settled(ends);
  }

  /** What was wrong with the group up to now. */
  groupFailures(): readonly string[] {
    if (this.#group === undefined) return [];
    const { consuming, history } = this.#group;
    const deletedBefore = (partition: number): number =>
      this.#scene.history.deletedBefore(partition);
    const found = checkGroup(history.events, deletedBefore);
    const failures = found.map(({ detail, kind }) => `${kind}: ${detail}`);
    return consuming.failure === undefined
      ? failures
      : [...failures, `a member of a group ended: ${consuming.failure}`];
  }

  /** Why consumers ended that nobody ended. */
  consumerFailures(): readonly string[] {
    return this.consumers.flatMap(({ failure }) =>
      failure === undefined ? [] : [`a consumer ended: ${failure}`],
    );
  }

  /** Records that consumers were never given, where partitions end there: those who follow come to the end. */
  unseen(ends: ReadonlyMap<number, number>): readonly string[] {
    const following = this.consumers.filter(({ failure }) => failure === undefined);
    return following.flatMap((consumer) =>
      consumer.behind(ends).map(([partition, offset]) => {
        const at = offset === undefined ? "nowhere" : `at ${partition}:${offset}`;
        return `unseen: a consumer is ${at}, and partition ${partition} ends at ${ends.get(partition)}`;
      }),
    );
  }

  *#parts(): Iterable<Part> {
    yield* this.producers;
    const { moving, operating } = this;
    for (const part of [
      moving,
      operating,
      this.#group?.consuming,
      this.#churning,
      this.#administering,
      this.#trimming,
      this.#plotting,
    ]) {
      if (part !== undefined) yield part;
    }
  }

  #random(name: string): SeededRandom {
    return this.#scene.world.random.fork(name);
  }

  #newProducers(): Producing[] {
    const { batchBytesMax, burstMax, pauseMsMax, plainProducerCount, producerCount } =
      this.#options;
    const { valueBytesMax } = this.#options;
    const { history, seats, topic } = this.#scene;
    return Array.from({ length: producerCount }, (_, row) => {
      const name = `p${row + 1}`;
      const { client, process } = seats.open(row);
      const isIdempotent = row >= plainProducerCount;
      const bounds = { batchBytesMax, valueBytesMax, pauseMsMax, burstMax };
      const options = { name, topic, isIdempotent, ...bounds };
      return new Producing(client, process, this.#random(name), history, options);
    });
  }

  #newConsumers(): Consuming[] {
    const { history, seats, topic } = this.#scene;
    const { consumersFrom, handlingMsMax } = this.#options;
    return consumersFrom.map((_, row) => {
      const name = `c${row + 1}`;
      // Every other one is slow.
      const pace = new ReadingPace(this.#random(name), row % 2 === 0 ? handlingMsMax : 0);
      this.#paces.push(pace);
      return new Consuming(name, topic.name, seats.open(row), history, pace);
    });
  }

  #newMoving(): Moving | undefined {
    const { brokerCount, moveEveryMsMax: everyMsMax, replicaCountMin } = this.#options;
    if (everyMsMax === 0) return undefined;
    const { seats, topic } = this.#scene;
    const { client, process } = seats.open(0);
    const options = { topic, brokerCount, replicaCountMin, everyMsMax };
    return new Moving(client.admin(), process, this.#random("moving"), options);
  }

  #newOperating(): Operating | undefined {
    const { brokerChores: chores, choreEveryMsMax: everyMsMax, growBy } = this.#options;
    if (chores.length === 0) return undefined;
    const { cluster, seats } = this.#scene;
    const options = { chores, everyMsMax, growBy };
    return new Operating(seats.open(1), cluster, this.#random("operating"), options);
  }

  #newGroup(): { consuming: GroupConsuming; history: GroupHistory } | undefined {
    const { groupMemberCount: memberCount, memberStayMsMax: stayMsMax } = this.#options;
    if (memberCount === 0) return undefined;
    const { seats, topic } = this.#scene;
    const history = new GroupHistory();
    const options = {
      groupId: "readers",
      topic: topic.name,
      memberCount,
      stayMsMax,
      sessionTimeoutMs: 6000,
      handlingMsMax: this.#options.handlingMsMax,
      membersCling: this.#options.membersCling,
      deletedBefore: (partition: number): number => this.#scene.history.deletedBefore(partition),
    };
    return {
      consuming: new GroupConsuming(seats, this.#random("group"), history, options),
      history,
    };
  }

  #newChurning(): Churning | undefined {
    const { churnEveryMsMax } = this.#options;
    if (churnEveryMsMax === 0) return undefined;
    return new Churning(this.#scene.seats.open(2), this.#random("churning"), churnEveryMsMax);
  }

  #newAdministering(): Administering | undefined {
    const { choreEveryMsMax: everyMsMax, topicChores: chores } = this.#options;
    if (chores.length === 0) return undefined;
    const { seats, topic } = this.#scene;
    const options = { chores, everyMsMax };
    return new Administering(seats.open(2), this.#random("administering"), topic, options);
  }

  #newTrimming(): Trimming | undefined {
    const { trimEveryMsMax } = this.#options;
    if (trimEveryMsMax === 0) return undefined;
    const { history, seats, topic } = this.#scene;
    const load = { topic, history };
    return new Trimming(seats.open(0), this.#random("trimming"), load, trimEveryMsMax);
  }

  #newPlotting(): Plotting | undefined {
    const { plots: kinds, replicaCountMin } = this.#options;
    if (kinds.length === 0) return undefined;
    const { cluster, seats, topic, world } = this.#scene;
    const options = { world, cluster, topic, kinds, replicaCountMin };
    return new Plotting(seats.open(1), this.#random("plotting"), options);
  }
}
