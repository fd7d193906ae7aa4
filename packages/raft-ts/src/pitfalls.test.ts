import { describe, expect, test } from "vitest";
import { bytes, entriesOf, InMemoryGroup, votersUpTo } from "../fakes/in-memory-group.ts";
import type { MemberStart } from "../fakes/in-memory-group.ts";
import type { ConfChange, ConfChangeStep, ConfChangeTransition } from "./conf-change.ts";
import { LEAVE_JOINT } from "./conf-change.ts";
import { EMPTY_CONF_STATE } from "./conf-state.ts";
import type { Entry } from "./entry.ts";
import { NO_DATA } from "./entry.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { APPEND_THREAD, APPLY_THREAD, createMessage } from "./message.ts";
import type { Message, MessageDraft, MessageType } from "./message.ts";
import { RawNode } from "./raw-node.ts";

/*
 * Defects that Raft implementations had in the field, each as a test that fails where it comes back.
 */

function message(type: MessageType, fields: Partial<MessageDraft>): Message {
  return { ...createMessage(type, 1), from: 2, ...fields };
}

function change(
  changes: readonly ConfChangeStep[],
  transition: ConfChangeTransition = "auto",
): ConfChange {
  return { transition, changes, context: NO_DATA };
}

function add(nodeId: number): ConfChangeStep {
  return { type: "addVoter", nodeId };
}

function remove(nodeId: number): ConfChangeStep {
  return { type: "remove", nodeId };
}

function groupWithLeader(
  count = 3,
  starts: Readonly<Record<number, MemberStart>> = {},
): InMemoryGroup {
  const group = new InMemoryGroup(count, starts);
  group.elect(1);
  return group;
}

describe("membership changes", () => {
  test("a new leader accepts none before all that it found in its log is applied", () => {
    const group = new InMemoryGroup(3, { 0: { terms: [1] } });
    group.refuse(({ type }) => type === "MsgAppResp");
    group.elect(1);
    expect(group.node(1).role).toBe("leader");
    expect(group.node(1).proposeConfChange(change([add(4)]))).toMatchObject({
      kind: "refused",
      reason: "changePending",
    });
    group.heal();
    group.tick(1);
    group.settle();
    group.tick(1);
    group.settle();
    expect(group.node(1).proposeConfChange(change([remove(3)])).kind).toBe("appended");
  });

  test("a second one waits until the first is applied", () => {
    const group = groupWithLeader();
    expect(group.node(1).proposeConfChange(change([remove(3)])).kind).toBe("appended");
    expect(group.node(1).proposeConfChange(change([remove(2)]))).toMatchObject({
      kind: "refused",
      reason: "changePending",
    });
    group.settle();
    expect(group.node(1).confState.voters).toEqual([1, 2]);
    expect(group.member(1).applied.map(({ type }) => type)).toEqual([
      "normal",
      "confChangeV2",
      "normal",
    ]);
  });

  test("a proposal that is dropped for its size does not block the next one", () => {
    const group = groupWithLeader(3, { 0: { config: { maxUncommittedEntriesSize: 10 } } });
    group.isolate(1);
    group.node(1).propose(bytes("123456"));
    expect(group.node(1).proposeConfChange(change([remove(3)]))).toEqual({
      kind: "dropped",
      reason: "uncommittedBytesExceeded",
    });
    group.heal();
    group.settle();
    group.tick(1);
    group.settle();
    expect(group.node(1).proposeConfChange(change([remove(3)])).kind).toBe("appended");
  });

  test("a node that has not applied a committed one does not campaign, nor when told to", () => {
    const group = new InMemoryGroup(3);
    const entry: Entry = { index: 1, term: 1, type: "confChangeV2", data: NO_DATA };
    const node = group.node(1);
    node.step(message("MsgApp", { term: 1, entries: [entry], commit: 1 }));
    for (const campaign of [
      (): void => node.campaign(),
      (): void => void node.step(message("MsgTimeoutNow", { term: 1 })),
      (): void => group.tick(1, 20),
    ]) {
      campaign();
      expect(node).toMatchObject({ role: "follower", term: 1 });
    }
    group.process(1);
    node.campaign();
    expect(node.role).toBe("preCandidate");
  });

  test("one that does not fit when it is applied has no effect, on every node alike", () => {
    const group = groupWithLeader(3, { 0: { config: { disableConfChangeValidation: true } } });
    group.node(1).proposeConfChange(LEAVE_JOINT);
    group.node(1).proposeConfChange(change([remove(3)]));
    group.settle();
    group.tick(1);
    group.settle();
    for (const id of [1, 2, 3]) expect(group.node(id).confState.voters).toEqual([1, 2]);
    expect(group.member(2).events).toContainEqual({
      kind: "membershipChangeInapplicable",
      fault: "not joint",
    });
  });

  test("only joint configurations can be left, and nothing else is done in one", () => {
    const group = groupWithLeader();
    expect(group.node(1).proposeConfChange(LEAVE_JOINT)).toMatchObject({ reason: "notJoint" });
    group.settle();
    group.node(1).proposeConfChange(change([remove(3)], "jointExplicit"));
    group.settle();
    expect(group.node(1).confState).toMatchObject({ voters: [1, 2], votersOutgoing: [1, 2, 3] });
    expect(group.node(1).proposeConfChange(change([add(3)]))).toMatchObject({
      reason: "mustLeaveJointFirst",
    });
    group.settle();
    group.node(1).proposeConfChange(LEAVE_JOINT);
    group.settle();
    expect(group.node(1).confState).toEqual(votersUpTo(2));
  });

  test("a joint configuration that an earlier leader entered is left by the next one", () => {
    const group = groupWithLeader();
    group.node(1).proposeConfChange(change([remove(3), { type: "addLearner", nodeId: 2 }]));
    // The change is applied everywhere, but the first leader never gets to leave the joint state.
    group.refuse(({ type, entries }) => type === "MsgApp" && entries.at(-1)?.index === 3);
    group.settle();
    expect(group.node(2).confState.votersOutgoing).toEqual([1, 2, 3]);
    group.heal();
    group.isolate(3);
    group.node(1).transferLeader(2);
    group.settle();
    group.tick(1, 1);
    group.settle();
    for (let round = 0; round < 30; round++) {
      for (const id of [1, 2]) group.tick(id);
      group.settle();
    }
    expect(group.node(1).confState).toMatchObject({ voters: [1], votersOutgoing: [] });
  });

  test("a leader that removes itself steps down, and its last word frees who still counts on it", () => {
    const group = new InMemoryGroup(2);
    group.elect(1);
    // Node 2 gets the entry that leaves the joint configuration, but neither a later one nor the news
    // that it is committed.
    group.refuse(
      ({ type, index, commit, entries }) =>
        (type === "MsgAppResp" && index >= 3) ||
        (type === "MsgApp" && (commit >= 3 || entries.at(-1)?.index === 4)),
    );
    group.node(1).proposeConfChange(change([remove(1)], "jointImplicit"));
    group.settle();
    group.node(1).propose(bytes("only here"));
    group.settle();
    group.node(1).step(message("MsgAppResp", { term: 1, index: 3 }));
    group.settle();
    expect(group.node(1).role).toBe("follower");
    expect(group.node(2)).toMatchObject({ lastIndex: 3, committed: 2 });
    expect(group.node(2).confState.votersOutgoing).toEqual([1, 2]);
    group.heal();
    for (let round = 0; round < 40; round++) {
      group.tick(2);
      group.settle();
    }
    expect(group.node(2)).toMatchObject({ role: "leader" });
    expect(group.node(2).confState.voters).toEqual([2]);
  });

  test("one that was handed out before a snapshot came is applied to the membership it was made for", () => {
    const storage = new MemoryStorage(votersUpTo(1));
    const node = new RawNode({ id: 2, storage, random: () => 0, asyncStorageWrites: true });
    const joined: Entry = {
      index: 1,
      term: 1,
      type: "confChangeV2",
      data: new Uint8Array([1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 2]),
    };
    node.step(message("MsgApp", { to: 2, from: 1, term: 1, entries: [joined], commit: 1 }));
    const append = node.ready().messages.find(({ to }) => to === APPEND_THREAD);
    storage.append(append?.entries ?? []);
    for (const response of append?.responses ?? []) if (response.to === 2) node.step(response);
    const apply = node.ready().messages.find(({ to }) => to === APPLY_THREAD);
    expect(apply?.entries).toEqual([joined]);
    const confState = { ...votersUpTo(1), learners: [2] };
    const snapshot = { index: 5, term: 1, confState, data: NO_DATA };
    node.step(message("MsgSnap", { to: 2, from: 1, term: 1, snapshot }));
    expect(node.confState).toEqual(confState);
    // The state machine is still at entry 1, so its membership is the joint one of that entry.
    const step: ConfChangeStep = { type: "addLearner", nodeId: 2 };
    expect(node.applyConfChange(change([step], "jointImplicit"))).toMatchObject({
      votersOutgoing: [1],
      learners: [2],
    });
    expect(node.confState).toEqual(confState);
  });
});

describe("elections", () => {
  test("a node with pre-votes and one without do not lock each other out", () => {
    const group = new InMemoryGroup(3, {
      1: { term: 5, terms: [1], config: { preVote: false } },
      2: { term: 5, terms: [1], config: { preVote: false } },
      3: { term: 1, terms: [1] },
    });
    group.node(3).campaign();
    group.settle();
    expect(group.node(3).term).toBe(5);
    group.elect(3);
    expect(group.leaders).toEqual([3]);
  });

  test("a leader of an earlier term is told, or a node that moved on alone would stay alone", () => {
    const group = groupWithLeader();
    const moved = new InMemoryGroup(3, { 0: { term: 7 } });
    moved.node(1).step(message("MsgHeartbeat", { term: 1 }));
    const [answer] = moved.process(1);
    expect(answer).toMatchObject({ type: "MsgAppResp", term: 7 });
    group.node(1).step({ ...(answer as Message), to: 1, from: 2 });
    expect(group.node(1)).toMatchObject({ role: "follower", term: 7 });
  });

  test("a follower whose leader is known to be dead can be set free", () => {
    const group = groupWithLeader();
    group.isolate(1);
    group.node(2).forgetLeader();
    group.node(3).forgetLeader();
    group.elect(2);
    expect(group.node(2).role).toBe("leader");
  });

  test("leader and candidates have no leader to forget, and lease reads forbid it", () => {
    const group = groupWithLeader();
    group.node(1).forgetLeader();
    expect(group.node(1).leaderId).toBe(1);
    const lease = groupWithLeader(3, { 0: { config: { readOnlyOption: "leaseBased" } } });
    lease.node(2).forgetLeader();
    expect(lease.node(2).leaderId).toBe(1);
    group.node(2).forgetLeader();
    group.node(2).forgetLeader();
    expect(group.node(2).leaderId).toBe(0);
  });

  test("a vote counts only when it is durable, the own one too", () => {
    const storage = new MemoryStorage(votersUpTo(1));
    const node = new RawNode({ id: 1, storage, random: () => 0, asyncStorageWrites: true });
    node.campaign();
    expect(node.role).toBe("preCandidate");
    const first = node.ready().messages[0];
    for (const response of first?.responses ?? []) node.step(response);
    expect(node.role).toBe("candidate");
    const second = node.ready().messages[0];
    expect(second).toMatchObject({ to: APPEND_THREAD, term: 1, vote: 1 });
    for (const response of second?.responses ?? []) node.step(response);
    expect(node.role).toBe("leader");
  });
});

describe("reads", () => {
  test("a new leader holds reads back until an entry of its term is committed", () => {
    const group = groupWithLeader();
    group.node(1).propose(bytes("x"));
    group.settle();
    group.refuse(({ type }) => type === "MsgAppResp");
    group.node(1).transferLeader(2);
    group.settle();
    expect(group.node(2).role).toBe("leader");
    group.node(2).readIndex(1);
    group.settle();
    expect(group.member(2).readStates).toEqual([]);
    group.heal();
    for (let round = 0; round < 3; round++) {
      group.tick(2);
      group.settle();
    }
    expect(group.member(2).readStates).toEqual([{ index: 3, context: 1 }]);
  });

  test("a single voter that restarts holds them back too: its commit index may have been lost", () => {
    const group = new InMemoryGroup(1, { 1: { terms: [1, 1], commit: 0 } });
    group.node(1).campaign();
    const promise = group.node(1).ready();
    group.member(1).store(promise);
    group.node(1).advance();
    const vote = group.node(1).ready();
    group.member(1).store(vote);
    group.node(1).advance();
    expect(group.node(1).role).toBe("leader");
    group.node(1).readIndex(1);
    expect(group.member(1).readStates).toEqual([]);
    group.settle();
    expect(group.member(1).readStates).toEqual([{ index: 3, context: 1 }]);
  });

  test("a caller that uses a number twice cannot have a read confirmed by an old answer", () => {
    const group = groupWithLeader();
    group.node(1).readIndex(7);
    const firstBeat = group.process(1)[0] as Message;
    group.node(2).step(firstBeat);
    const oldAnswer = group.process(2)[0] as Message;
    group.node(1).step(oldAnswer);
    group.process(1);
    expect(group.member(1).readStates).toHaveLength(1);
    group.isolate(1);
    group.node(1).readIndex(7);
    const secondBeat = group.process(1)[0] as Message;
    expect(secondBeat.context).toBeGreaterThan(firstBeat.context);
    group.node(1).step(oldAnswer);
    group.process(1);
    expect(group.member(1).readStates).toHaveLength(1);
  });

  test("reads that wait are dropped with leadership", () => {
    const group = groupWithLeader();
    group.node(1).readIndex(1);
    const beat = group.process(1)[0] as Message;
    group.node(1).step(message("MsgAppResp", { term: 9 }));
    group.node(2).step(beat);
    group.node(1).step(group.process(2)[0] as Message);
    group.process(1);
    expect(group.member(1).readStates).toEqual([]);
  });
});

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
