import { encodeSnapshotManifest, type GroupLog, type LogStore } from "@ropewalk/log";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { createMessage, EMPTY_CONF_STATE } from "raft-ts";
import { expect, test } from "vitest";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { GroupMessage, RaftHost } from "../raft/raft-host.ts";
import { Turns } from "../turns.ts";
import type { HistoryInstaller } from "./history-installer.ts";
import type { AbsentReplica, ReplicaHome } from "./replica-home.ts";
import { SnapshotInstaller } from "./snapshot-installer.ts";

const { logger } = nodeRuntime({ log: { level: "silent" } });
const key = { groupId: 7, incarnation: 1 };
const index = 8;

/** An installer at broker 1, and what it hands on to Raft where every history can be installed. */
class Scene {
  readonly received: (readonly [from: number, messages: readonly GroupMessage[]])[] = [];
  readonly group: RaftGroup;
  readonly installer: SnapshotInstaller;

  constructor() {
    const log: Partial<GroupLog> = { hardState: { term: 3, vote: 0, commit: 0 } };
    const group: Partial<RaftGroup> = { key, log: log as GroupLog, lacks: () => false };
    this.group = group as RaftGroup;
    const absent: AbsentReplica = {
      key,
      log: log as GroupLog,
      replicaIds: () => [1, 2, 3],
      settled: Promise.resolve(),
      isGone: () => false,
      reopen: () => undefined,
    };
    const home: Partial<ReplicaHome> = { takeOut: () => absent };
    const store: Partial<LogStore> = {};
    const histories: Partial<HistoryInstaller> = { install: () => Promise.resolve() };
    const host: Partial<RaftHost> = {
      group: () => this.group,
      receive: (from, messages) => {
        this.received.push([from, messages]);
        return undefined;
      },
    };
    this.installer = new SnapshotInstaller({
      logger,
      store: store as LogStore,
      host: host as RaftHost,
      home: () => home as ReplicaHome,
      histories: histories as HistoryInstaller,
      turns: new Turns(1),
    });
  }
}

function snapshotFor(route: GroupMessage["group"]): GroupMessage {
  const data = encodeSnapshotManifest({
    index,
    endOffset: index,
    raftFirstIndex: index + 1,
    startOffset: 0,
    termRuns: [],
    segments: [],
    image: new Uint8Array(0),
  });
  const snapshot = { index, term: 3, confState: { ...EMPTY_CONF_STATE, voters: [1, 2, 3] }, data };
  return { group: route, message: { ...createMessage("MsgSnap", 1), from: 2, term: 3, snapshot } };
}

test("SnapshotInstaller hands a snapshot that was taken in to the very replica that it was sent to", async () => {
  const scene = new Scene();
  // The replica came back after it had left: what names another one it would not take, and its leader would not be answered.
  const arrived = snapshotFor({ ...key, fromReplica: 0, toReplica: 40 });
  scene.installer.receive(2, scene.group, arrived);
  await expect.poll(() => scene.received).toEqual([[2, [arrived]]]);
  expect(scene.installer.counters).toEqual({ installed: 1, failed: 0 });
});
