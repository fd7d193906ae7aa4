import { describe, expect, test } from "vitest";
import { message } from "../fakes/drafts.ts";
import { bytes, groupWithLeader, InMemoryGroup, votersUpTo } from "../fakes/in-memory-group.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { APPEND_THREAD } from "./message.ts";
import type { Message } from "./message.ts";
import { RawNode } from "./raw-node.ts";

/*
 * Defects that Raft implementations had in the field, each as a test that fails where it comes back.
 */

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
