import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogStore } from "@ropewalk/log";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { createMessage, type Message, type MessageType } from "raft-ts";
import { expect, onTestFinished, test } from "vitest";
import { defaultBrokerLimits } from "../config.ts";
import { encodeCommandBatch } from "./command-entry.ts";
import { firstMembers, MemberedMachine } from "./member-record.ts";
import { RaftGroup } from "./raft-group.ts";
import { RaftHost } from "./raft-host.ts";
import type { StateMachine } from "./state-machine.ts";

const { clock, disk, logger, random } = nodeRuntime({ log: { level: "silent" } });
const key = { groupId: 9, incarnation: 4 };
/** Leadership lasts for the whole test without a word of the others. */
const limits = { ...defaultBrokerLimits, electionTicks: 4000 };

/** Broker 1 of a group of three, with a real log; brokers 2 and 3 say what the test has them say. */
class Scene {
  readonly host: RaftHost;
  readonly group: RaftGroup;
  /** The assignments that brought the replicas which came later. */
  readonly joined = new Map<number, number>();
  /** Who says yes to everything. */
  readonly agreeing = new Set([2]);

  constructor(store: LogStore) {
    const send = (to: number, message: Message): void => {
      clock.defer(() => this.#answer(to, message));
    };
    this.host = new RaftHost({
      ...{ brokerId: 1, epoch: 1, clock, random, logger, store, limits },
      sender: {
        send: (to, _route, message) => send(to, message),
        sendBatch: () => undefined,
        flush: () => undefined,
      },
      snapshotArrived: () => undefined,
      storageFailed: (error) => {
        throw error;
      },
    });
    const machine: StateMachine = {
      ...{ restoredIndex: 0, appliedIndex: 0 },
      apply: () => undefined,
      leadershipChanged: () => undefined,
      takeImage: () => ({ prefixes: [], pairs: [] }),
      takeChanges: () => [],
    };
    const record = new MemberedMachine(machine, key.groupId, firstMembers([1, 2, 3]), undefined);
    this.group = new RaftGroup({
      ...{ brokerId: 1, clock, logger, limits, voters: [], learners: [] },
      log: store.createGroup(key),
      machine: record,
      membership: {
        record,
        isPreferred: () => true,
        joinedAt: 0,
        joinedAtOf: (id) => this.joined.get(id) ?? 0,
        admitToLearner: () => true,
        changed: () => undefined,
      },
      damaged: (_group, error) => {
        throw error;
      },
    });
    this.host.add(this.group);
  }

  static async open(): Promise<Scene> {
    const directory = mkdtempSync(join(tmpdir(), "ropewalk-replaced-member-"));
    const store = await LogStore.open({ disk, clock, logger, directory });
    const scene = new Scene(store);
    onTestFinished(async () => {
      await scene.host.stop();
      await store.close();
      rmSync(directory, { recursive: true });
    });
    await expect.poll(() => scene.group.leadership.kind, { timeout: 10_000 }).toBe("leading");
    return scene;
  }

  /** What becomes of a record that is appended now. */
  propose(): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const proposed = this.group.propose(encodeCommandBatch(new Uint8Array(3), 1), 1, {
      committed: () => resolve("committed"),
      failed: resolve,
    });
    return proposed.kind === "appended" ? promise : Promise.resolve(proposed.kind);
  }

  #answer(from: number, { entries, index, term, type }: Message): void {
    if (!this.agreeing.has(from)) return;
    const say = (answer: MessageType, fields: Partial<Message> = {}): void => {
      const message = { ...createMessage(answer, 1), from, term, ...fields };
      const route = { ...key, fromReplica: this.joined.get(from) ?? 0, toReplica: 0 };
      void this.host.receive(from, [{ group: route, message }]);
    };
    if (type === "MsgPreVote") say("MsgPreVoteResp");
    else if (type === "MsgVote") say("MsgVoteResp");
    else if (type === "MsgApp") say("MsgAppResp", { index: index + entries.length });
  }
}

test("RaftGroup.memberReplaced() ends a leadership that counts on the voter whose replica is another one", async () => {
  const scene = await Scene.open();
  expect(await scene.propose()).toBe("committed");
  // Brokers 2 and 3 have elected another leader, which made a change and another of the members; nobody told this one, but the
  // controller of the outcome. The replica that broker 3 has now knows of no later term.
  scene.agreeing.delete(2);
  scene.agreeing.add(3);
  scene.joined.set(3, 77);
  scene.group.memberReplaced(3, 77);
  expect(await scene.propose()).not.toBe("committed");
  await expect.poll(() => scene.group.leadership.kind).toBe("following");
});

test("RaftGroup.memberReplaced() leaves a leader in charge that never counted on it", async () => {
  const scene = await Scene.open();
  scene.joined.set(4, 77);
  scene.group.memberReplaced(4, 77);
  expect(await scene.propose()).toBe("committed");
});
