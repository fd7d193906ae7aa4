import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogStore } from "@ropewalk/log";
import type { KeyValueStore } from "@ropewalk/runtime";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { expect, onTestFinished, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { Checkpointer } from "../checkpointer.ts";
import { defaultBrokerLimits } from "../config.ts";
import type { MetadataCommand } from "../controller/metadata-command.ts";
import { MetadataImage } from "../controller/metadata-image.ts";
import { type GroupRouter, groupsTopic } from "../group/group-router.ts";
import { LeaderTable } from "../leadership/leader-table.ts";
import type { HistoryKeeper } from "../raft/history-keeper.ts";
import type { RaftHost } from "../raft/raft-host.ts";
import { placeReplicas } from "./replica-placement.ts";
import { ReplicaSet, type ReplicaSetOptions } from "./replica-set.ts";

const { clock, disk, logger } = nodeRuntime({ log: { level: "silent" } });
const partition = { topic: "t", partition: 0, groupId: 2 };

/** The replicas of broker 1, with a real log, whose metadata comes command by command, and whose state is kept when told. */
class Scene {
  readonly image: MetadataImage = new MetadataImage();
  readonly replicas: ReplicaSet;
  readonly store: LogStore;
  /** Partitions of the consumer groups' topic that have a coordinator here. */
  readonly coordinated = new Set<number>();
  /** The state beside the log waits for this. */
  readonly #kept = Promise.withResolvers<void>();
  #index = 0;

  constructor(store: LogStore) {
    this.store = store;
    const state: Partial<KeyValueStore> = {
      commit: () => this.#kept.promise,
      get: () => undefined,
      range: () => [],
    };
    const host: Partial<RaftHost> = { add: () => undefined, remove: () => undefined };
    const history: Partial<HistoryKeeper> = {
      addInternal: () => undefined,
      remove: () => undefined,
    };
    const groups: Partial<GroupRouter> = {
      add: (number) => this.coordinated.add(number),
      remove: (number) => this.coordinated.delete(number),
    };
    const options: Partial<ReplicaSetOptions> = {
      brokerId: 1,
      clock,
      logger,
      limits: defaultBrokerLimits,
      store,
      state: state as KeyValueStore,
      host: host as RaftHost,
      history: history as HistoryKeeper,
      groups: groups as GroupRouter,
      checkpointer: new Checkpointer(
        state as KeyValueStore,
        new SimulatedClock(),
        logger,
        defaultBrokerLimits.checkpointMs,
      ),
      leaders: new LeaderTable(),
      image: this.image,
      unknownThroughIndex: () => 0,
      metadataIndex: () => this.#index,
      membersMayChange: () => undefined,
    };
    this.replicas = new ReplicaSet(options as ReplicaSetOptions);
  }

  static async open(): Promise<Scene> {
    const directory = mkdtempSync(join(tmpdir(), "ropewalk-replica-set-"));
    const store = await LogStore.open({ disk, clock, logger, directory });
    onTestFinished(async () => {
      await store.close();
      rmSync(directory, { recursive: true });
    });
    return new Scene(store);
  }

  /** Answers the entry of the metadata's log. */
  apply(command: MetadataCommand): number {
    placeReplicas(this.replicas, this.image.apply(command, ++this.#index), logger);
    return this.#index;
  }

  /** Makes a topic of one partition, of which this broker has not heard yet. */
  create(name: string, replicaIds: readonly number[]): void {
    const topic = { name, topicId: `id-of-${name}`, internal: false, configs: new Map() };
    const partitions = [{ replicaIds }];
    this.image.apply({ kind: "topicCreated", ...topic, partitions }, ++this.#index);
  }

  /** The groups with a log. */
  get groupIds(): number[] {
    return [...this.store.groups()].map(({ key }) => key.groupId);
  }

  /** A whole move of a partition; answers the assignment that brought the replicas which came. */
  move(targetIds: readonly number[], moved: typeof partition = partition): number {
    this.apply({ kind: "partitionsReassigned", assignments: [{ ...moved, targetIds }] });
    const assignmentId = this.apply({ kind: "movesStarted", partitions: [moved] });
    this.apply({ kind: "moveCompleted", assignmentId, ...moved });
    return assignmentId;
  }

  /** The incarnation of the log that broker 1 has for the partition. */
  get incarnation(): number | undefined {
    return this.replicas.logOf({ groupId: partition.groupId, incarnation: 0 })?.key.incarnation;
  }

  /** The state is durable now, and so is what waited for it. */
  keep(): void {
    this.#kept.resolve();
  }
}

// Simulated seed 1000, as it was then.
test("ReplicaSet brings the present replica when an old one has left, whatever the metadata said meanwhile", async () => {
  const scene = await Scene.open();
  scene.apply({
    kind: "topicCreated",
    name: "t",
    topicId: "id-of-t",
    internal: false,
    configs: new Map(),
    partitions: [{ replicaIds: [1, 2] }],
  });
  expect(scene.image.topics.get("t")?.partitions[0]?.groupId).toBe(partition.groupId);
  scene.move([2, 3]);
  scene.move([1, 2]);
  // The replica of the time is in the metadata, and must not come while the one before it is leaving.
  const partitions = [{ replicaIds: [2, 3] }];
  scene.apply({ kind: "partitionsCreated", topicId: "id-of-t", partitionCount: 1, partitions });
  expect(scene.incarnation).toBeUndefined();
  scene.move([2, 3]);
  const present = scene.move([1, 2]);
  scene.keep();
  await expect.poll(() => scene.incarnation).toBe(present);
});

test("ReplicaSet.start() does not bring back what the metadata takes away while old replicas are being removed", async () => {
  const scene = await Scene.open();
  scene.create("elsewhere", [2, 3]);
  scene.create("deleted", [1, 2]);
  scene.create("moved", [1, 2]);
  scene.create("kept", [1, 2]);
  // The process before had these, and lost the first without having removed its log.
  for (const [groupId, incarnation] of [
    [2, 1],
    [3, 2],
    [4, 3],
    [5, 4],
  ] as const) {
    scene.store.createGroup({ groupId, incarnation });
  }
  scene.replicas.start();
  scene.apply({ kind: "topicDeleted", topicId: "id-of-deleted" });
  scene.move([2, 3], { topic: "moved", partition: 0, groupId: 4 });
  scene.keep();
  await expect.poll(() => scene.groupIds).toEqual([5]);
  const logs = [2, 3, 4, 5].map((groupId) => scene.replicas.logOf({ groupId, incarnation: 0 }));
  expect(logs.map((log) => log?.key.groupId)).toEqual([undefined, undefined, undefined, 5]);
});

test("ReplicaSet lets the coordinator of consumer groups go whose partition moves away", async () => {
  const scene = await Scene.open();
  scene.create(groupsTopic, [1, 2]);
  scene.replicas.start();
  expect([...scene.coordinated]).toEqual([0]);
  scene.move([2, 3], { ...partition, topic: groupsTopic });
  expect([...scene.coordinated]).toEqual([]);
  scene.keep();
});
