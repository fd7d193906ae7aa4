import { encodeSnapshotManifest, type GroupLog } from "@ropewalk/log";
import { RopewalkError } from "@ropewalk/protocol";
import type { Logger } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { LeaderTable } from "../leadership/leader-table.ts";
import type { RemoteCaller } from "../remote-caller.ts";
import type { HistoryInstaller, RemoteHistory } from "./history-installer.ts";
import { Interruption } from "./interruption.ts";
import type { AbsentReplica } from "./replica-home.ts";
import { ReplicaRepairer } from "./replica-repairer.ts";
import { Turns } from "../turns.ts";

const manifest = encodeSnapshotManifest({
  index: 8,
  endOffset: 8,
  raftFirstIndex: 9,
  startOffset: 0,
  termRuns: [],
  segments: [],
  image: new Uint8Array(0),
});

/** A repairer at broker 1 of three, and what it does with a replica; the leader, any broker at first, is in term 5. */
class Scene {
  readonly clock = new SimulatedClock();
  readonly interruption = new Interruption();
  readonly turns = new Turns(1);
  readonly installed: RemoteHistory[] = [];
  readonly repairer: ReplicaRepairer;
  readonly asked: number[] = [];
  readonly errors: string[] = [];
  replicaIds: readonly number[] = [1, 2, 3];
  leaderId: number | undefined;

  constructor() {
    const caller: Pick<RemoteCaller, "call"> = {
      call: (_method, brokerId) => {
        this.asked.push(brokerId);
        const { leaderId = brokerId } = this;
        if (brokerId === leaderId) return Promise.resolve({ term: 5, manifest } as never);
        return Promise.reject(new RopewalkError("NOT_LEADER", "another one leads", { leaderId }));
      },
    };
    const installer: Pick<HistoryInstaller, "install"> = {
      install: (_absent, history) => {
        this.installed.push(history);
        return Promise.resolve();
      },
    };
    this.repairer = new ReplicaRepairer({
      brokerId: 1,
      clock: this.clock,
      logger: this.#logger(),
      caller: caller as RemoteCaller,
      leaders: new LeaderTable(),
      installer: installer as HistoryInstaller,
      interruption: this.interruption,
      turns: this.turns,
      retryMsMin: 10,
      retryMsMax: 10,
    });
  }

  #logger(): Logger {
    const ignored = () => undefined;
    const error = (message: string): void => void this.errors.push(message);
    return { debug: ignored, info: ignored, warn: ignored, error, child: () => this.#logger() };
  }

  /** Has a replica repaired whose own log remembers this term. */
  add(term: number): void {
    const log: Partial<GroupLog> = { hardState: { term, vote: 2, commit: 1 } };
    const absent: AbsentReplica = {
      key: { groupId: 7, incarnation: 1 },
      log: log as GroupLog,
      replicaIds: () => this.replicaIds,
      settled: Promise.resolve(),
      isGone: () => false,
      reopen: () => undefined,
    };
    this.repairer.add(absent);
  }
}

test.each([
  [3, 1005],
  [2000, 3000],
])("ReplicaRepairer goes far beyond its own term %d and that of the leader", async (own, term) => {
  const scene = new Scene();
  scene.add(own);
  await scene.repairer.stop();
  expect(scene.installed).toMatchObject([{ hardState: { term, vote: 0, commit: 8 } }]);
  expect(scene.repairer.counters.repaired).toBe(1);
});

test("ReplicaRepairer asks nobody where the broker stops before it is its turn", async () => {
  const scene = new Scene();
  const { interruption, repairer, turns } = scene;
  await turns.take();
  scene.add(3);
  interruption.interrupt();
  turns.giveBack();
  await repairer.stop();
  expect(scene.asked).toEqual([]);
  expect(repairer.counters.repaired).toBe(0);
});

test("ReplicaRepairer asks the leader that it is told of, though that is to hold no replica any more", async () => {
  const scene = new Scene();
  scene.leaderId = 4;
  scene.add(3);
  await scene.repairer.stop();
  expect(scene.asked).toEqual([2, 4]);
  expect(scene.repairer.counters.repaired).toBe(1);
});

test("ReplicaRepairer leaves a replica out until the others are a majority", async () => {
  const scene = new Scene();
  scene.replicaIds = [1, 2];
  scene.add(3);
  await scene.clock.run(100);
  expect(scene.asked).toEqual([]);
  expect(scene.errors).toHaveLength(1);
  scene.replicaIds = [1, 2, 3];
  await scene.clock.run(100);
  await scene.repairer.stop();
  expect(scene.asked).toEqual([2]);
  expect(scene.repairer.counters.repaired).toBe(1);
});

test("ReplicaRepairer says nothing of a majority that is missing only in what the metadata was before", async () => {
  const scene = new Scene();
  scene.replicaIds = [1, 2];
  scene.add(3);
  scene.replicaIds = [1, 2, 3];
  await scene.clock.run(100);
  await scene.repairer.stop();
  expect(scene.errors).toEqual([]);
  expect(scene.repairer.counters.repaired).toBe(1);
});
