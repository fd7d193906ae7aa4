import { describe, expect, test } from "vitest";
import { add, change, message, remove } from "../fakes/drafts.ts";
import { bytes, groupWithLeader, InMemoryGroup, votersUpTo } from "../fakes/in-memory-group.ts";
import { LEAVE_JOINT } from "./conf-change.ts";
import type { ConfChangeStep } from "./conf-change.ts";
import { NO_DATA } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { APPEND_THREAD, APPLY_THREAD } from "./message.ts";
import { RawNode } from "./raw-node.ts";

/*
 * Defects that Raft implementations had in the field, each as a test that fails where it comes back.
 */

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
