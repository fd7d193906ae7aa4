import { describe, expect, test } from "vitest";
import { message } from "../fakes/drafts.ts";
import {
  bytes,
  entriesOf,
  groupWithLeader,
  InMemoryGroup,
  votersUpTo,
} from "../fakes/in-memory-group.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { APPEND_THREAD } from "./message.ts";
import { RawNode } from "./raw-node.ts";

/*
 * Defects that Raft implementations had in the field, each as a test that fails where it comes back.
 */

describe("replication", () => {
  test("a leader that is elected again forgets what its followers had acknowledged before", () => {
    const group = groupWithLeader();
    group.node(1).propose(bytes("x"));
    group.settle();
    group.node(1).transferLeader(2);
    group.settle();
    group.node(2).transferLeader(1);
    group.refuse(({ type }) => type === "MsgAppResp");
    group.settle();
    expect(group.node(1)).toMatchObject({ role: "leader", term: 3 });
    expect(
      group
        .node(1)
        .status()
        .progress.map(({ match }) => match),
    ).toEqual([4, 0, 0]);
  });

  test("a leader does not count what a follower acknowledged that has lost it since", () => {
    const group = groupWithLeader();
    const leader = group.node(1);
    group.isolate(2);
    group.refuse(({ type, from }) => type === "MsgAppResp" && from === 3);
    leader.propose(bytes("lost"));
    group.settle();
    const { match: before } = leader.status().progress[2] ?? {};
    leader.forgetProgress(3);
    expect(leader.status().progress[2]).toMatchObject({ match: 0, state: "probe" });
    expect(before).toBe(1);
    group.isolate(3);
    leader.propose(bytes("fresh"));
    group.settle();
    expect(leader.committed).toBe(1);
    group.heal();
    group.isolate(3);
    group.tick(1);
    group.settle();
    expect(leader.committed).toBe(3); // By the others alone.
    group.heal();
    group.tick(1);
    group.settle();
    expect(leader.status().progress[2]).toMatchObject({ match: 3, state: "replicate" });
  });

  test("forgetting a follower ends a transfer to it, and says nothing to anybody else", () => {
    const group = groupWithLeader();
    group.isolate(3);
    group.node(1).propose(bytes("a"));
    group.node(1).transferLeader(3);
    expect(group.node(1).transferTarget).toBe(3);
    group.node(1).forgetProgress(3);
    group.node(1).forgetProgress(1);
    group.node(1).forgetProgress(9);
    group.node(2).forgetProgress(3);
    expect(group.node(1).transferTarget).toBe(0);
    expect(group.node(1).status().progress[0]?.match).toBeGreaterThan(0);
  });

  test("a late append does not cut a log that went on", () => {
    const group = new InMemoryGroup(3);
    const node = group.node(1);
    node.step(message("MsgApp", { term: 1, entries: entriesOf([1, 1, 1]) }));
    node.step(message("MsgApp", { term: 1, entries: entriesOf([1]) }));
    group.process(1);
    expect(group.member(1).terms).toEqual([1, 1, 1]);
  });

  test("an acknowledgement waits for the disk, also that of an empty or repeated append", () => {
    const storage = new MemoryStorage(votersUpTo(3));
    const node = new RawNode({ id: 1, storage, random: () => 0, asyncStorageWrites: true });
    node.step(message("MsgApp", { term: 1, entries: entriesOf([1]) }));
    const first = node.ready().messages;
    node.step(message("MsgApp", { term: 1, index: 1, logTerm: 1 }));
    node.step(message("MsgApp", { term: 1, entries: entriesOf([1]) }));
    const second = node.ready().messages;
    for (const { to, responses } of [...first, ...second]) {
      expect(to).toBe(APPEND_THREAD);
      expect(responses.some(({ type }) => type === "MsgAppResp")).toBe(true);
    }
  });

  test("a heartbeat never commits what the follower is not known to have", () => {
    const group = groupWithLeader();
    group.isolate(3);
    group.node(1).propose(bytes("x"));
    group.settle();
    group.tick(1);
    const beats = group.process(1).filter(({ type }) => type === "MsgHeartbeat");
    expect(beats.map(({ to, commit }) => [to, commit])).toEqual([
      [2, 2],
      [3, 1],
    ]);
  });

  test("a heartbeat that was meant for the log which a member lost commits nothing", () => {
    const group = new InMemoryGroup(3, {
      1: { terms: [1, 1, 1] },
      2: { terms: [1, 1, 1] },
      3: { term: 1, config: { lostThroughIndex: 4 } },
    });
    group.node(3).step(message("MsgHeartbeat", { term: 1, from: 1, commit: 3 }));
    expect(group.node(3)).toMatchObject({ leaderId: 1, committed: 0 });
    group.elect(1);
    group.node(1).propose(bytes("x"));
    group.settle();
    expect(group.node(3).committed).toBe(5);
    expect(() => {
      group.node(3).step(message("MsgHeartbeat", { term: 2, from: 1, commit: 6 }));
    }).toThrow("an entry is committed only when the log holds it");
  });

  test("a commit index is taken only as far as the append that brings it vouches for", () => {
    const group = new InMemoryGroup(3, { 1: { terms: [1, 1, 1], term: 1 } });
    group.node(1).step(message("MsgApp", { term: 2, index: 1, logTerm: 1, commit: 3 }));
    expect(group.node(1).committed).toBe(1);
  });

  test("a window that was lost as a whole does not block a follower for ever", () => {
    const group = groupWithLeader(3, { 0: { config: { maxInflightMsgs: 2 } } });
    group.isolate(3);
    for (const text of ["a", "b", "c", "d"]) group.node(1).propose(bytes(text));
    group.settle();
    expect(group.node(1).status().progress[2]).toMatchObject({ inflightFull: true, paused: true });
    group.heal();
    for (let round = 0; round < 3; round++) {
      group.tick(1);
      group.settle();
    }
    expect(group.node(3).lastIndex).toBe(5);
  });

  test("an entry larger than every limit in bytes still goes through", () => {
    const config = {
      maxSizePerMsg: 10,
      maxInflightBytes: 10,
      maxUncommittedEntriesSize: 10,
      maxCommittedSizePerReady: 10,
    };
    const group = groupWithLeader(3, { 0: { config } });
    expect(group.node(1).propose(new Uint8Array(1_000)).kind).toBe("appended");
    group.settle();
    expect(group.member(3).applied.at(-1)?.data.byteLength).toBe(1_000);
  });

  test("without a majority the log grows up to its bound and no further", () => {
    const group = groupWithLeader(3, { 0: { config: { maxUncommittedEntriesSize: 100 } } });
    group.isolate(1);
    const outcomes = Array.from(
      { length: 5 },
      () => group.node(1).propose(new Uint8Array(40)).kind,
    );
    expect(outcomes).toEqual(["appended", "appended", "dropped", "dropped", "dropped"]);
    expect(group.node(1).uncommittedBytes).toBe(80);
    group.heal();
    group.settle();
    group.tick(1);
    group.settle();
    expect(group.node(1).uncommittedBytes).toBe(0);
    expect(group.node(1).propose(new Uint8Array(40)).kind).toBe("appended");
  });

  test("a follower that needs what was compacted gets a snapshot", () => {
    const group = groupWithLeader();
    group.isolate(3);
    for (const text of ["a", "b"]) group.node(1).propose(bytes(text));
    group.settle();
    group.member(1).compact();
    group.heal();
    for (let round = 0; round < 3; round++) {
      group.tick(1);
      group.settle();
    }
    expect(group.node(3).committed).toBe(3);
    expect(group.member(3).storage.firstIndex()).toBe(4);
    expect(group.node(1).status().progress[2]).toMatchObject({ state: "replicate", match: 3 });
  });
});

describe("storage", () => {
  test("a start with a commit index that was lost behind the applied one goes on from the latter", () => {
    const storage = new MemoryStorage(votersUpTo(1));
    storage.append(entriesOf([1, 1, 1]));
    storage.setHardState({ term: 1, vote: 1, commit: 1 });
    const node = new RawNode({ id: 1, storage, random: () => 0, applied: 2 });
    expect(node).toMatchObject({ committed: 2, applied: 2 });
  });

  test("a start with a log that lost what was applied is refused", () => {
    const storage = new MemoryStorage(votersUpTo(1));
    storage.append(entriesOf([1]));
    const start = (): RawNode => new RawNode({ id: 1, storage, random: () => 0, applied: 2 });
    expect(start).toThrow("config.applied lies within the log");
  });

  test("a write that is done in a later term does not count for entries of that term", () => {
    const storage = new MemoryStorage(votersUpTo(3));
    const node = new RawNode({ id: 1, storage, random: () => 0, asyncStorageWrites: true });
    node.step(message("MsgApp", { term: 1, entries: entriesOf([1]) }));
    const [old] = node.ready().messages;
    node.step(message("MsgApp", { term: 2, from: 3, entries: entriesOf([2]) }));
    node.step(message("MsgApp", { term: 3, from: 2, entries: entriesOf([1]) }));
    for (const response of old?.responses ?? []) if (response.to === 1) node.step(response);
    // The entry is the old one again, but what is being written over it is not.
    expect(node.ready().entries).toEqual(entriesOf([1]));
  });
});
