import { describe, expect, test } from "vitest";
import { bytes, InMemoryGroup } from "../fakes/in-memory-group.ts";
import type { MemberStart } from "../fakes/in-memory-group.ts";
import { createMessage } from "./message.ts";
import type { Message, MessageDraft, MessageType } from "./message.ts";

function message(type: MessageType, fields: Partial<MessageDraft>): Message {
  return { ...createMessage(type, 1), from: 2, ...fields };
}

function groupWithLeader(starts: Readonly<Record<number, MemberStart>> = {}): InMemoryGroup {
  const group = new InMemoryGroup(3, starts);
  group.elect(1);
  return group;
}

describe("§9.6 pre-vote", () => {
  test("a node that is cut off does not raise its term", () => {
    const group = groupWithLeader();
    group.isolate(3);
    group.tick(3, 100);
    group.settle();
    expect(group.node(3)).toMatchObject({ role: "preCandidate", term: 1 });
    group.heal();
    group.tick(1);
    group.settle();
    expect(group.node(3)).toMatchObject({ role: "follower", term: 1, leaderId: 1 });
    expect(group.leaders).toEqual([1]);
  });

  test("a promise changes neither term nor vote of who gives it", () => {
    const group = new InMemoryGroup(3);
    group.node(1).step(message("MsgPreVote", { term: 1 }));
    const [answer] = group.process(1);
    expect(answer).toMatchObject({ type: "MsgPreVoteResp", term: 1, reject: false });
    expect(group.node(1).term).toBe(0);
    expect(group.member(1).storage.initialState().hardState.vote).toBe(0);
  });

  test("a node gives promises to several, for they bind to nothing", () => {
    const group = new InMemoryGroup(3);
    group.node(1).step(message("MsgPreVote", { term: 1, from: 2 }));
    group.node(1).step(message("MsgPreVote", { term: 1, from: 3 }));
    expect(group.process(1).map(({ reject }) => reject)).toEqual([false, false]);
  });

  test("a majority of promises begins the real election", () => {
    const group = new InMemoryGroup(3);
    group.node(1).campaign();
    group.process(1);
    expect(group.node(1).role).toBe("preCandidate");
    group.node(1).step(message("MsgPreVoteResp", { term: 1 }));
    expect(group.node(1)).toMatchObject({ role: "candidate", term: 1 });
  });

  test("a majority of refusals ends it", () => {
    const group = new InMemoryGroup(3);
    group.node(1).campaign();
    group.process(1);
    for (const from of [2, 3]) {
      group.node(1).step(message("MsgPreVoteResp", { from, term: 0, reject: true }));
    }
    expect(group.node(1)).toMatchObject({ role: "follower", term: 0 });
  });

  test("a refusal of a later term brings that term", () => {
    const group = new InMemoryGroup(3);
    group.node(1).campaign();
    group.process(1);
    group.node(1).step(message("MsgPreVoteResp", { term: 7, reject: true }));
    expect(group.node(1)).toMatchObject({ role: "follower", term: 7 });
  });

  test("a pre-candidate takes no real votes, and a candidate no promises", () => {
    const group = new InMemoryGroup(3);
    group.node(1).campaign();
    group.process(1);
    group.node(1).step(message("MsgVoteResp", { term: 0, from: 2 }));
    expect(group.node(1).role).toBe("preCandidate");
    group.node(1).step(message("MsgPreVoteResp", { term: 1 }));
    group.process(1);
    group.node(1).step(message("MsgPreVoteResp", { term: 1, from: 3 }));
    expect(group.node(1).role).toBe("candidate");
  });
});

describe("§3.10 leadership transfer", () => {
  test("leadership goes to a follower that has everything, at once", () => {
    const group = groupWithLeader();
    group.node(1).transferLeader(2);
    group.settle();
    expect(group.leaders).toEqual([2]);
    expect(group.node(2).term).toBe(2);
  });

  test("a target that lags behind gets the log first", () => {
    const group = groupWithLeader();
    group.isolate(3);
    group.node(1).propose(bytes("x"));
    group.settle();
    group.heal();
    group.node(1).transferLeader(3);
    expect(group.node(1).transferTarget).toBe(3);
    group.settle();
    group.tick(1);
    group.settle();
    expect(group.leaders).toEqual([3]);
    expect(group.member(3).terms).toEqual([1, 1, 2]);
  });

  test("it overrides the lease that protects the leader", () => {
    const group = groupWithLeader();
    group.node(1).transferLeader(2);
    const [timeoutNow] = group.process(1);
    expect(timeoutNow?.type).toBe("MsgTimeoutNow");
    group.node(2).step(timeoutNow as Message);
    const requests = group.process(2);
    expect(requests.map(({ type, context }) => [type, context])).toEqual([
      ["MsgVote", 1],
      ["MsgVote", 1],
    ]);
    group.settle();
    expect(group.leaders).toEqual([2]);
  });

  test("it is given up after one election timeout", () => {
    const group = groupWithLeader();
    group.isolate(3);
    group.node(1).transferLeader(3);
    expect(group.node(1).propose(bytes("x"))).toEqual({
      kind: "dropped",
      reason: "transferInProgress",
    });
    for (let ticked = 0; ticked < 10; ticked++) {
      group.tick(1);
      group.settle();
    }
    expect(group.node(1)).toMatchObject({ role: "leader", transferTarget: 0 });
    expect(group.node(1).propose(bytes("x")).kind).toBe("appended");
  });

  test("another target takes the place of the first, the same one changes nothing", () => {
    const group = groupWithLeader();
    group.isolate(3);
    group.node(1).transferLeader(3);
    group.node(1).transferLeader(3);
    expect(group.node(1).transferTarget).toBe(3);
    group.node(1).transferLeader(2);
    group.settle();
    expect(group.leaders).toEqual([2]);
  });

  test("a follower sends the wish on, and drops it when it knows no leader", () => {
    const group = groupWithLeader();
    group.node(3).transferLeader(2);
    group.settle();
    expect(group.leaders).toEqual([2]);
    const lost = new InMemoryGroup(3);
    lost.node(1).transferLeader(2);
    expect(lost.node(1).hasReady()).toBe(false);
    expect(lost.member(1).events.at(-1)).toEqual({ kind: "transferIgnored", to: 2 });
  });

  test("a leader, a learner or a stranger is no target", () => {
    const group = new InMemoryGroup(
      3,
      {},
      {
        voters: [1, 2],
        votersOutgoing: [],
        learners: [3],
        learnersNext: [],
        autoLeave: false,
      },
    );
    group.elect(1);
    for (const target of [1, 3, 9]) {
      group.node(1).transferLeader(target);
      expect(group.node(1).transferTarget).toBe(0);
    }
  });

  test("a target that is removed is given up", () => {
    const group = groupWithLeader();
    group.isolate(3);
    group.node(1).transferLeader(3);
    group.node(1).applyConfChange({
      transition: "auto",
      changes: [{ type: "remove", nodeId: 3 }],
      context: bytes(""),
    });
    expect(group.node(1).transferTarget).toBe(0);
  });
});

describe("§6.4 read index", () => {
  test("a leader answers once a majority confirmed that it leads", () => {
    const group = groupWithLeader();
    expect(group.node(1).readIndex(77)).toBe("done");
    const beats = group.process(1);
    expect(group.member(1).readStates).toEqual([]);
    group.node(2).step(beats[0] as Message);
    group.node(1).step(group.process(2)[0] as Message);
    group.process(1);
    expect(group.member(1).readStates).toEqual([{ index: 1, context: 77 }]);
  });

  test("a follower asks the leader", () => {
    const group = groupWithLeader();
    group.node(3).readIndex(5);
    group.settle();
    expect(group.member(3).readStates).toEqual([{ index: 1, context: 5 }]);
    expect(group.member(1).readStates).toEqual([]);
  });

  test("reads that wait are confirmed together by the newest heartbeat", () => {
    const group = groupWithLeader();
    for (const context of [1, 2, 3]) group.node(1).readIndex(context);
    const beats = group.process(1).filter(({ to }) => to === 2);
    group.node(2).step(beats.at(-1) as Message);
    group.node(1).step(group.process(2)[0] as Message);
    group.process(1);
    expect(group.member(1).readStates.map(({ context }) => context)).toEqual([1, 2, 3]);
  });

  test("a lost round is repeated with the next heartbeat", () => {
    const group = groupWithLeader();
    group.node(1).readIndex(8);
    group.process(1);
    group.inFlight = [];
    group.tick(1);
    group.settle();
    expect(group.member(1).readStates).toEqual([{ index: 1, context: 8 }]);
  });

  test("a leader that is cut off never answers", () => {
    const group = groupWithLeader();
    group.isolate(1);
    group.node(1).readIndex(1);
    group.settle();
    group.tick(1, 5);
    group.settle();
    expect(group.member(1).readStates).toEqual([]);
  });

  test("a single voter answers alone", () => {
    const group = new InMemoryGroup(1);
    group.elect(1);
    group.node(1).readIndex(4);
    group.settle();
    expect(group.member(1).readStates).toEqual([{ index: 1, context: 4 }]);
  });

  test("a node without a leader drops reads", () => {
    const group = new InMemoryGroup(3);
    expect(group.node(1).readIndex(1)).toBe("readDropped");
    group.node(1).campaign();
    expect(group.node(1).readIndex(1)).toBe("readDropped");
  });

  test("no more reads wait than the bound allows", () => {
    const group = groupWithLeader({ 1: { config: { maxPendingReads: 2 } } });
    group.isolate(1);
    expect([1, 2, 3].map((context) => group.node(1).readIndex(context))).toEqual([
      "done",
      "done",
      "readDropped",
    ]);
  });

  test("lease reads answer without asking", () => {
    const config = { readOnlyOption: "leaseBased" } as const;
    const group = groupWithLeader({ 0: { config } });
    group.isolate(1);
    group.node(1).readIndex(6);
    group.process(1);
    expect(group.member(1).readStates).toEqual([{ index: 1, context: 6 }]);
    group.heal();
    group.node(2).readIndex(7);
    group.settle();
    expect(group.member(2).readStates).toEqual([{ index: 1, context: 7 }]);
  });
});

describe("§6.2 a leader that hears from no majority", () => {
  test("steps down after an election timeout", () => {
    const group = groupWithLeader();
    group.isolate(1);
    group.tick(1, 20);
    expect(group.node(1)).toMatchObject({ role: "follower", leaderId: 0, term: 1 });
  });

  test("goes on without that check", () => {
    const group = groupWithLeader({ 0: { config: { checkQuorum: false } } });
    group.isolate(1);
    group.tick(1, 40);
    expect(group.node(1).role).toBe("leader");
  });
});
