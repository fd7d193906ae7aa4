import { describe, expect, test } from "vitest";
import { bytes, entriesOf, InMemoryGroup } from "../fakes/in-memory-group.ts";
import type { MemberStart } from "../fakes/in-memory-group.ts";
import { createMessage } from "./message.ts";
import type { Message, MessageDraft, MessageType } from "./message.ts";
import type { RawNode } from "./raw-node.ts";

/** The protocol of the paper: without pre-votes and leases, which came later. */
const plain: MemberStart = { config: { preVote: false, checkQuorum: false } };

function message(type: MessageType, fields: Partial<MessageDraft>): Message {
  return { ...createMessage(type, 1), from: 2, ...fields };
}

/** A node that leads a group of three in term 1 and whose first entry is committed everywhere. */
function groupWithLeader(): InMemoryGroup {
  const group = new InMemoryGroup(3, { 0: plain });
  group.elect(1);
  return group;
}

/** Brings a fresh node of a group of three into a role. */
function nodeInRole(role: RawNode["role"]): InMemoryGroup {
  const group = new InMemoryGroup(3, { 0: plain });
  if (role === "candidate") group.node(1).campaign();
  if (role === "leader") group.elect(1);
  group.process(1);
  group.inFlight = [];
  return group;
}

describe("§5.1 terms", () => {
  for (const role of ["follower", "candidate", "leader"] as const) {
    test(`a ${role} that sees a later term becomes its follower`, () => {
      const group = nodeInRole(role);
      group.node(1).step(message("MsgApp", { term: 5 }));
      expect(group.node(1)).toMatchObject({ role: "follower", term: 5, leaderId: 2 });
    });
  }

  test("a message of an earlier term changes nothing and is not answered", () => {
    const group = new InMemoryGroup(3, { 0: { ...plain, term: 4 } });
    group.node(1).step(message("MsgApp", { term: 3, entries: entriesOf([3]) }));
    group.node(1).step(message("MsgVote", { term: 3, index: 9, logTerm: 3 }));
    expect(group.process(1)).toEqual([]);
    expect(group.node(1)).toMatchObject({ term: 4, lastIndex: 0, leaderId: 0 });
  });

  test("term and vote are handed out to be stored before any answer", () => {
    const group = new InMemoryGroup(3, { 0: plain });
    group.node(1).step(message("MsgVote", { term: 2 }));
    const ready = group.node(1).ready();
    expect(ready.hardState).toEqual({ term: 2, vote: 2, commit: 0 });
    expect(ready.mustSync).toBe(true);
    expect(ready.messages.map(({ type }) => type)).toEqual(["MsgVoteResp"]);
  });
});

describe("§5.2 leader election", () => {
  test("a node starts as a follower", () => {
    expect(new InMemoryGroup(3).node(1).role).toBe("follower");
  });

  test("a leader sends a heartbeat to every follower at every interval", () => {
    const group = nodeInRole("leader");
    group.tick(1);
    const beats = group.process(1);
    expect(beats.map(({ type, to }) => [type, to])).toEqual([
      ["MsgHeartbeat", 2],
      ["MsgHeartbeat", 3],
    ]);
  });

  for (const role of ["follower", "candidate"] as const) {
    test(`a ${role} that hears nothing for an election timeout raises its term and asks for votes`, () => {
      const group = nodeInRole(role);
      const before = group.node(1).term;
      group.tick(1, 10);
      const requests = group.process(1);
      expect(group.node(1)).toMatchObject({ role: "candidate", term: before + 1 });
      expect(group.member(1).storage.initialState().hardState.vote).toBe(1);
      expect(requests.map(({ type, to, term }) => [type, to, term])).toEqual([
        ["MsgVote", 2, before + 1],
        ["MsgVote", 3, before + 1],
      ]);
    });
  }

  test("election timeouts lie in one to two base timeouts", () => {
    for (let drawn = 0; drawn < 10; drawn++) {
      const start = { config: { preVote: false, random: (): number => drawn } };
      const group = new InMemoryGroup(3, { 0: start });
      group.tick(1, 10 + drawn - 1);
      expect(group.node(1).role).toBe("follower");
      group.tick(1);
      expect(group.node(1).role).toBe("candidate");
    }
  });

  const elections: readonly (readonly [number, Readonly<Record<number, boolean>>, string])[] = [
    [1, {}, "leader"],
    [3, { 2: true, 3: true }, "leader"],
    [3, { 2: true }, "leader"],
    [5, { 2: true, 3: true, 4: true, 5: true }, "leader"],
    [5, { 2: true, 3: true }, "leader"],
    [3, { 2: false, 3: false }, "follower"],
    [5, { 2: false, 3: false, 4: false, 5: false }, "follower"],
    [5, { 2: true, 3: false, 4: false, 5: false }, "follower"],
    [3, {}, "candidate"],
    [5, { 2: true }, "candidate"],
    [5, { 2: false, 3: false }, "candidate"],
  ];
  for (const [size, votes, role] of elections) {
    test(`with ${JSON.stringify(votes)} of ${size} votes a candidate is ${role}`, () => {
      const group = new InMemoryGroup(size, { 0: plain });
      group.node(1).campaign();
      group.process(1);
      for (const [id, granted] of Object.entries(votes)) {
        group.node(1).step(message("MsgVoteResp", { from: Number(id), term: 1, reject: !granted }));
      }
      expect(group.node(1).role).toBe(role);
    });
  }

  const votes: readonly (readonly [number, number, boolean])[] = [
    [0, 2, true],
    [0, 3, true],
    [2, 2, true],
    [3, 3, true],
    [2, 3, false],
    [3, 2, false],
  ];
  for (const [vote, candidate, granted] of votes) {
    test(`a node that voted for ${vote} ${granted ? "grants" : "refuses"} ${candidate}`, () => {
      const group = new InMemoryGroup(3, { 0: { ...plain, term: 1, vote } });
      group.node(1).step(message("MsgVote", { from: candidate, term: 1 }));
      const [answer] = group.process(1);
      expect(answer).toMatchObject({ type: "MsgVoteResp", to: candidate, reject: !granted });
    });
  }

  test("a candidate recognizes a leader of its own or a later term", () => {
    for (const term of [1, 2]) {
      const group = nodeInRole("candidate");
      group.node(1).step(message("MsgApp", { term }));
      expect(group.node(1)).toMatchObject({ role: "follower", term, leaderId: 2 });
    }
  });

  test("two candidates that split the votes lead to another election and not to two leaders", () => {
    const group = new InMemoryGroup(2, { 0: plain });
    group.node(1).campaign();
    group.node(2).campaign();
    group.settle();
    expect(group.leaders).toEqual([]);
    group.elect(1);
    expect(group.leaders).toEqual([1]);
  });
});

describe("§5.3 log replication", () => {
  test("a leader appends a proposal to its log and sends it to all followers at once", () => {
    const group = groupWithLeader();
    group.node(1).propose(bytes("x"));
    const sent = group.process(1);
    expect(group.node(1).lastIndex).toBe(2);
    expect(sent.map(({ type, to, index, logTerm }) => [type, to, index, logTerm])).toEqual([
      ["MsgApp", 2, 1, 1],
      ["MsgApp", 3, 1, 1],
    ]);
    expect(sent[0]?.entries.map(({ index, term }) => [index, term])).toEqual([[2, 1]]);
  });

  test("an entry is committed once a majority has it, and then applied and announced", () => {
    const group = groupWithLeader();
    group.node(1).propose(bytes("x"));
    const [toFollower] = group.process(1);
    expect(group.node(1).committed).toBe(1);
    group.node(2).step(toFollower as Message);
    const [answer] = group.process(2);
    group.node(1).step(answer as Message);
    const announced = group.process(1);
    expect(group.node(1).committed).toBe(2);
    expect(group.member(1).applied.at(-1)?.data).toEqual(bytes("x"));
    expect(announced.map(({ type, commit }) => [type, commit])).toEqual([
      ["MsgApp", 2],
      ["MsgApp", 2],
    ]);
  });

  const acknowledgements: readonly (readonly [number, readonly number[], boolean])[] = [
    [1, [], true],
    [3, [], false],
    [3, [2], true],
    [3, [2, 3], true],
    [5, [2], false],
    [5, [2, 3], true],
    [5, [2, 3, 4, 5], true],
  ];
  for (const [size, followers, committed] of acknowledgements) {
    test(`of ${size}, acknowledgements of ${followers.length} followers ${committed ? "commit" : "do not commit"}`, () => {
      const group = new InMemoryGroup(size, { 0: plain });
      group.elect(1);
      const last = group.node(1).lastIndex;
      group.node(1).propose(bytes("x"));
      group.process(1);
      for (const from of followers) {
        group.node(1).step(message("MsgAppResp", { from, term: 1, index: last + 1 }));
      }
      expect(group.node(1).committed).toBe(committed ? last + 1 : last);
    });
  }

  test("committing an entry commits all before it, those of earlier leaders too", () => {
    for (const terms of [[], [2], [1, 2], [1]]) {
      const group = new InMemoryGroup(3, {
        0: { ...plain, terms, term: 2 },
      });
      group.elect(1);
      group.node(1).propose(bytes("x"));
      group.settle();
      const length = terms.length + 2;
      expect(group.member(1).applied.map(({ index }) => index)).toEqual(
        Array.from({ length }, (_, position) => position + 1),
      );
      expect(group.member(2).terms).toEqual(group.member(1).terms);
    }
  });

  test("a follower applies what the leader says is committed, in order", () => {
    for (const commit of [0, 1, 2, 3]) {
      const group = new InMemoryGroup(3, { 0: plain });
      group.node(1).step(message("MsgApp", { term: 1, entries: entriesOf([1, 1, 1]), commit }));
      group.process(1);
      expect(group.member(1).applied.map(({ index }) => index)).toEqual([1, 2, 3].slice(0, commit));
    }
  });

  const checks: readonly (readonly [number, number, boolean])[] = [
    [0, 0, false],
    [1, 1, false],
    [2, 2, false],
    [1, 2, true],
    [3, 3, true],
  ];
  for (const [index, logTerm, reject] of checks) {
    test(`a log 1/1 2/2 ${reject ? "refuses" : "takes"} an append after ${logTerm}/${index}`, () => {
      const group = new InMemoryGroup(3, { 0: { ...plain, terms: [1, 2], commit: 1 } });
      group.node(1).step(message("MsgApp", { term: 2, index, logTerm }));
      const [answer] = group.process(1);
      expect(answer?.reject).toBe(reject);
    });
  }

  const appends: readonly (readonly [number, number, readonly number[], readonly number[]])[] = [
    [2, 2, [3], [1, 2, 3]],
    [1, 1, [3, 4], [1, 3, 4]],
    [0, 0, [1], [1, 2]],
    [0, 0, [3], [3]],
  ];
  for (const [index, term, entries, after] of appends) {
    test(`a log 1 2 that gets ${entries.join(" ")} after ${index} becomes ${after.join(" ")}`, () => {
      const group = new InMemoryGroup(3, { 0: { ...plain, terms: [1, 2] } });
      group.node(1).step(
        message("MsgApp", {
          term: 4,
          index,
          logTerm: term,
          entries: entriesOf(entries, index + 1),
        }),
      );
      group.process(1);
      expect(group.member(1).terms).toEqual(after);
    });
  }

  const figure7: readonly (readonly number[])[] = [
    [1, 1, 1, 4, 4, 5, 5, 6, 6],
    [1, 1, 1, 4],
    [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    [1, 1, 1, 4, 4, 4, 4],
    [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  ];
  for (const terms of figure7) {
    test(`figure 7: a leader makes a log ${terms.join("")} equal to its own`, () => {
      const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
      const group = new InMemoryGroup(3, {
        1: { ...plain, terms: leaderTerms, term: 7 },
        2: { ...plain, terms, term: 7 },
        3: { ...plain, terms: leaderTerms, term: 7 },
      });
      group.elect(1);
      group.node(1).propose(bytes("x"));
      group.settle();
      expect(group.member(2).terms).toEqual([...leaderTerms, 8, 8]);
      expect(group.node(2).committed).toBe(group.node(1).committed);
    });
  }
});

describe("§5.4 safety", () => {
  test("§5.4.1 a vote request tells the end of the candidate's log", () => {
    const group = new InMemoryGroup(3, { 0: { ...plain, terms: [1, 2] } });
    group.tick(1, 10);
    expect(group.process(1)[0]).toMatchObject({ type: "MsgVote", term: 3, index: 2, logTerm: 2 });
  });

  const candidates: readonly (readonly [readonly number[], number, number, boolean])[] = [
    [[1], 1, 1, true],
    [[1], 2, 1, true],
    [[1, 1], 1, 1, false],
    [[1], 1, 2, true],
    [[1], 2, 2, true],
    [[1, 1], 1, 2, true],
    [[2], 1, 1, false],
    [[2], 2, 1, false],
    [[1, 2], 1, 1, false],
  ];
  for (const [terms, index, logTerm, granted] of candidates) {
    test(`§5.4.1 a log ending ${terms.join(" ")} ${granted ? "grants" : "refuses"} a candidate at ${logTerm}/${index}`, () => {
      const group = new InMemoryGroup(3, { 0: { ...plain, terms } });
      group.node(1).step(message("MsgVote", { term: 3, index, logTerm }));
      expect(group.process(1)[0]?.reject).toBe(!granted);
    });
  }

  test("§5.4.2 figure 8: an entry of an earlier term is not committed by counting copies", () => {
    const group = new InMemoryGroup(3, { 0: { ...plain, terms: [1, 2], term: 2 } });
    group.refuse(
      ({ type, entries }) => type === "MsgApp" && entries.some(({ term }) => term === 3),
    );
    group.node(1).campaign();
    group.settle();
    expect(group.leaders).toEqual([1]);
    for (const index of [1, 2]) {
      group.node(1).step(message("MsgAppResp", { term: 3, index }));
      expect(group.node(1).committed).toBe(0);
    }
    group.node(1).step(message("MsgAppResp", { term: 3, index: 3 }));
    expect(group.node(1).committed).toBe(3);
  });

  test("§5.4.3 a new leader holds every committed entry", () => {
    const group = groupWithLeader();
    group.isolate(3);
    group.node(1).propose(bytes("x"));
    group.settle();
    group.heal();
    group.isolate(1);
    group.elect(3);
    expect(group.leaders).toEqual([1]);
    group.elect(2);
    expect(group.node(2).role).toBe("leader");
    expect(group.member(2).applied[1]?.data).toEqual(bytes("x"));
  });
});

describe("§5.5 crashes", () => {
  test("a follower that takes the same append twice has it once", () => {
    const group = new InMemoryGroup(3, { 0: plain });
    const append = message("MsgApp", { term: 1, entries: entriesOf([1, 1]) });
    group.node(1).step(append);
    group.node(1).step(append);
    expect(group.process(1).map(({ index, reject }) => [index, reject])).toEqual([
      [2, false],
      [2, false],
    ]);
    expect(group.member(1).terms).toEqual([1, 1]);
  });

  test("a node that restarts votes as it had voted", () => {
    const group = new InMemoryGroup(3, { 0: plain });
    group.node(1).step(message("MsgVote", { term: 1, from: 2 }));
    group.process(1);
    group.member(1).restart();
    group.node(1).step(message("MsgVote", { term: 1, from: 3 }));
    expect(group.process(1)[0]).toMatchObject({ to: 3, reject: true });
  });

  test("the group goes on without a minority, which catches up later", () => {
    const group = groupWithLeader();
    group.isolate(3);
    for (const text of ["a", "b", "c"]) group.node(1).propose(bytes(text));
    group.settle();
    expect(group.node(1).committed).toBe(4);
    group.heal();
    group.tick(1);
    group.settle();
    group.tick(1);
    group.settle();
    expect(group.node(3).committed).toBe(4);
  });
});

describe("§6 membership changes", () => {
  test("decisions in a joint configuration need both majorities", () => {
    const group = new InMemoryGroup(
      5,
      { 0: plain },
      {
        voters: [1, 4, 5],
        votersOutgoing: [1, 2, 3],
        learners: [],
        learnersNext: [],
        autoLeave: false,
      },
    );
    group.node(1).campaign();
    group.process(1);
    for (const from of [4, 5]) group.node(1).step(message("MsgVoteResp", { from, term: 1 }));
    expect(group.node(1).role).toBe("candidate");
    group.node(1).step(message("MsgVoteResp", { from: 2, term: 1 }));
    expect(group.node(1).role).toBe("leader");
    group.process(1);
    for (const from of [2, 3])
      group.node(1).step(message("MsgAppResp", { from, term: 1, index: 1 }));
    expect(group.node(1).committed).toBe(0);
    group.node(1).step(message("MsgAppResp", { from: 5, term: 1, index: 1 }));
    expect(group.node(1).committed).toBe(1);
  });

  test("new servers replicate before they vote", () => {
    const group = new InMemoryGroup(
      3,
      { 0: plain },
      {
        voters: [1],
        votersOutgoing: [],
        learners: [2],
        learnersNext: [],
        autoLeave: false,
      },
    );
    group.elect(1);
    expect(group.member(2).terms).toEqual([1]);
    group.tick(2, 30);
    expect(group.node(2).role).toBe("follower");
  });

  test("a server that was removed cannot disturb: votes are refused while a leader is heard", () => {
    const group = new InMemoryGroup(3);
    group.elect(1);
    group.node(2).step(message("MsgVote", { to: 2, from: 3, term: 9, index: 99, logTerm: 9 }));
    expect(group.process(2)).toEqual([]);
    expect(group.node(2)).toMatchObject({ term: 1, leaderId: 1 });
  });
});
