import { describe, expect, test } from "vitest";
import { message } from "../fakes/drafts.ts";
import { bytes, groupWithLeader, InMemoryGroup, votersUpTo } from "../fakes/in-memory-group.ts";
import { EMPTY_CONF_STATE } from "./conf-state.ts";
import { NO_DATA } from "./entry.ts";
import { MemoryStorage } from "./memory-storage.ts";
import type { Message } from "./message.ts";
import { RawNode } from "./raw-node.ts";

/*
 * Defects that Raft implementations had in the field, each as a test that fails where it comes back.
 */

describe("snapshots", () => {
  /** A leader that knows follower 3 to need a snapshot, which was sent and lost. */
  function groupWithLostSnapshot(): InMemoryGroup {
    const group = groupWithLeader();
    group.isolate(3);
    group.node(1).propose(bytes("a"));
    group.settle();
    group.member(1).compact();
    group.heal();
    group.refuse(({ type }) => type === "MsgSnap");
    group.tick(1);
    group.settle();
    group.tick(1);
    group.settle();
    expect(group.node(1).status().progress[2]).toMatchObject({ state: "snapshot", paused: true });
    group.heal();
    return group;
  }

  test("one that failed is sent again", () => {
    const group = groupWithLostSnapshot();
    group.node(1).reportSnapshot(3, "failure");
    expect(group.node(1).status().progress[2]).toMatchObject({ state: "probe", next: 2 });
    group.tick(1);
    group.settle();
    expect(group.node(3).committed).toBe(2);
  });

  test("after one that arrived the probe starts behind it", () => {
    const group = groupWithLostSnapshot();
    group.node(1).reportSnapshot(3, "finish");
    expect(group.node(1).status().progress[2]).toMatchObject({ state: "probe", next: 3 });
    group.node(1).reportSnapshot(3, "finish");
    group.node(2).reportSnapshot(3, "finish");
    group.node(1).reportSnapshot(9, "finish");
  });

  test("one for a follower that nobody hears of is not sent", () => {
    const group = groupWithLeader();
    group.isolate(3);
    group.node(1).propose(bytes("a"));
    group.settle();
    group.member(1).compact();
    group.tick(1, 10);
    group.node(1).reportUnreachable(3);
    group.tick(1);
    expect(group.process(1).some(({ type }) => type === "MsgSnap")).toBe(false);
  });

  test("one that is not made yet is asked for again", () => {
    const group = groupWithLeader(3, { 3: { terms: [] } });
    group.isolate(3);
    group.node(1).propose(bytes("a"));
    group.settle();
    group.member(1).storage.compact(2);
    group.heal();
    for (let round = 0; round < 3; round++) {
      group.tick(1);
      group.settle();
    }
    expect(group.member(1).events).toContainEqual({ kind: "snapshotUnavailable", to: 3 });
    group.member(1).storage.createSnapshot(2, votersUpTo(3), NO_DATA);
    group.tick(1);
    group.settle();
    expect(group.node(3).committed).toBe(2);
  });

  test("one that is older than the log, or matches it, or does not know the node, is not taken", () => {
    const group = new InMemoryGroup(3, { 1: { terms: [1, 1, 1], term: 1, commit: 1 } });
    const node = group.node(1);
    const snapshot = (index: number, term: number, confState = votersUpTo(3)): Message =>
      message("MsgSnap", { term: 1, snapshot: { index, term, confState, data: NO_DATA } });
    node.step(snapshot(1, 1));
    expect(node).toMatchObject({ committed: 1, lastIndex: 3 });
    node.step(snapshot(3, 1));
    expect(node).toMatchObject({ committed: 3, lastIndex: 3 });
    node.step(snapshot(9, 1, { ...EMPTY_CONF_STATE, voters: [2, 3] }));
    expect(node).toMatchObject({ committed: 3, lastIndex: 3 });
    const reasons = group.member(1).events.filter(({ kind }) => kind === "snapshotIgnored");
    expect(reasons).toMatchObject([
      { reason: "committed already" },
      { reason: "log matches" },
      { reason: "not a member" },
    ]);
    expect(group.process(1).map(({ index }) => index)).toEqual([1, 3, 3]);
  });

  test("a node that still stores one does not campaign", () => {
    const storage = new MemoryStorage(votersUpTo(3));
    const node = new RawNode({ id: 1, storage, random: () => 0, asyncStorageWrites: true });
    const snapshot = { index: 5, term: 1, confState: votersUpTo(3), data: NO_DATA };
    node.step(message("MsgSnap", { term: 1, snapshot }));
    node.campaign();
    expect(node.role).toBe("follower");
    const [append] = node.ready().messages;
    storage.applySnapshot(snapshot);
    for (const response of append?.responses ?? []) if (response.to === 1) node.step(response);
    node.campaign();
    expect(node.role).toBe("preCandidate");
  });

  test("one counts as stored also when the word of it comes in a later term", () => {
    const storage = new MemoryStorage(votersUpTo(3));
    const node = new RawNode({ id: 1, storage, random: () => 0, asyncStorageWrites: true });
    const snapshot = { index: 5, term: 1, confState: votersUpTo(3), data: NO_DATA };
    node.step(message("MsgSnap", { term: 1, snapshot }));
    const [append] = node.ready().messages;
    storage.applySnapshot(snapshot);
    node.step(message("MsgHeartbeat", { term: 2, from: 3 }));
    for (const response of append?.responses ?? []) if (response.to === 1) node.step(response);
    expect(node).toMatchObject({ term: 2, applied: 5 });
  });
});
