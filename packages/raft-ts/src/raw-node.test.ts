import { describe, expect, test } from "vitest";
import { bytes, entriesOf, InMemoryGroup, votersUpTo } from "../fakes/in-memory-group.ts";
import { EMPTY_CONF_STATE } from "./conf-state.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { APPEND_THREAD, APPLY_THREAD, createMessage } from "./message.ts";
import type { Message, MessageType } from "./message.ts";
import { RawNode } from "./raw-node.ts";

function leader(): InMemoryGroup {
  const group = new InMemoryGroup(3);
  group.elect(1);
  return group;
}

describe("RawNode.propose()", () => {
  test("appends at once where it leads, and tells where", () => {
    const group = leader();
    expect(group.node(1).propose(bytes("x"))).toEqual({ kind: "appended", index: 2, term: 1 });
    expect(group.node(1)).toMatchObject({ lastIndex: 2, committed: 1, uncommittedBytes: 1 });
  });

  test("keeps the data by reference all the way to the state machine of every member", () => {
    const group = leader();
    const data = bytes("the same bytes");
    group.node(1).propose(data);
    group.settle();
    for (const { applied } of group.members) expect(applied.at(-1)?.data).toBe(data);
  });

  test("sends a follower's proposal to the leader", () => {
    const group = leader();
    expect(group.node(2).propose(bytes("x"))).toEqual({ kind: "forwarded", to: 1 });
    group.settle();
    expect(group.member(3).applied.at(-1)?.data).toEqual(bytes("x"));
  });

  test("drops it without a leader, while campaigning, or where forwarding is off", () => {
    const group = new InMemoryGroup(3);
    expect(group.node(1).propose(bytes("x"))).toEqual({ kind: "dropped", reason: "noLeader" });
    group.node(1).campaign();
    expect(group.node(1).propose(bytes("x"))).toEqual({ kind: "dropped", reason: "noLeader" });
    const strict = new InMemoryGroup(3, { 2: { config: { disableProposalForwarding: true } } });
    strict.elect(1);
    const outcome = strict.node(2).propose(bytes("x"));
    expect(outcome).toEqual({ kind: "dropped", reason: "forwardingDisabled" });
  });

  test("drops it on a leader that is no longer a member", () => {
    const group = new InMemoryGroup(3, { 0: { config: { stepDownOnRemoval: false } } });
    group.elect(1);
    group.node(1).proposeConfChange({
      transition: "auto",
      changes: [{ type: "remove", nodeId: 1 }],
      context: bytes(""),
    });
    group.settle();
    expect(group.node(1).role).toBe("leader");
    const outcome = group.node(1).propose(bytes("x"));
    expect(outcome).toEqual({ kind: "dropped", reason: "leaderNotMember" });
  });
});

describe("RawNode.proposeBatch()", () => {
  test("puts all entries into the log side by side and into one message", () => {
    const group = leader();
    const outcome = group.node(1).proposeBatch([bytes("a"), bytes("b"), bytes("c")]);
    expect(outcome).toEqual({ kind: "appended", index: 4, term: 1 });
    const toSecond = group.process(1).filter(({ to }) => to === 2);
    expect(toSecond.map(({ entries }) => entries.length)).toEqual([3]);
  });

  test("needs at least one entry", () => {
    expect(() => leader().node(1).proposeBatch([])).toThrow("at least one entry");
  });
});

describe("RawNode.step()", () => {
  const local: readonly MessageType[] = [
    "MsgHup",
    "MsgBeat",
    "MsgUnreachable",
    "MsgSnapStatus",
    "MsgCheckQuorum",
    "MsgForgetLeader",
    "MsgStorageAppendResp",
    "MsgStorageApplyResp",
  ];
  for (const type of local) {
    test(`refuses ${type} from another node`, () => {
      const message: Message = { ...createMessage(type, 1), from: 2 };
      expect(new InMemoryGroup(3).node(1).step(message)).toBe("localMessage");
    });
  }

  test("refuses answers of nodes that are not members", () => {
    const message: Message = { ...createMessage("MsgVoteResp", 1), from: 9, term: 1 };
    expect(new InMemoryGroup(3).node(1).step(message)).toBe("peerNotFound");
  });

  test("tells when a forwarded proposal or read was dropped", () => {
    const group = new InMemoryGroup(3, { 1: { config: { maxPendingReads: 1 } } });
    const proposal: Message = { ...createMessage("MsgProp", 1), from: 2, entries: entriesOf([0]) };
    expect(group.node(1).step(proposal)).toBe("proposalDropped");
    group.node(1).campaign();
    expect(group.node(1).step(proposal)).toBe("proposalDropped");
    group.settle();
    group.node(1).transferLeader(2);
    expect(group.node(1).step(proposal)).toBe("proposalDropped");
    const read: Message = { ...createMessage("MsgReadIndex", 1), from: 2, context: 1 };
    expect(group.node(1).step(read)).toBe("done");
    expect(group.node(1).step(read)).toBe("readDropped");
  });

  test("ignores what has no meaning in a role", () => {
    const group = leader();
    const types: readonly MessageType[] = ["MsgTimeoutNow", "MsgVoteResp", "MsgReadIndexResp"];
    for (const type of types) {
      for (const id of [1, 2]) {
        const message: Message = { ...createMessage(type, id), from: 3, term: 1 };
        if (id === 1 || type !== "MsgTimeoutNow") {
          expect(group.node(id).step(message)).toBe("done");
        }
      }
    }
    expect(group.leaders).toEqual([1]);
    const stray: Message = { ...createMessage("MsgApp", 1), from: 9, term: 1 };
    expect(group.node(1).step(stray)).toBe("done");
    const candidate = new InMemoryGroup(3).node(1);
    candidate.campaign();
    expect(candidate.step({ ...createMessage("MsgTimeoutNow", 1), from: 2 })).toBe("done");
  });

  test("a pre-candidate follows a leader of its term, whatever it sends", () => {
    const snapshot = { index: 4, term: 1, confState: votersUpTo(3), data: bytes("") };
    for (const type of ["MsgApp", "MsgHeartbeat", "MsgSnap"] as const) {
      const node = new InMemoryGroup(3, { 0: { term: 1 } }).node(1);
      node.campaign();
      node.step({ ...createMessage(type, 1), from: 2, term: 1, snapshot });
      expect(node).toMatchObject({ role: "follower", leaderId: 2 });
    }
  });
});

describe("RawNode.ready()", () => {
  test("is asked for again only after advance()", () => {
    const group = leader();
    group.node(1).propose(bytes("x"));
    group.node(1).ready();
    expect(() => group.node(1).ready()).toThrow("advance()");
  });

  test("hands storage work out as messages where writes are asynchronous", () => {
    const storage = new MemoryStorage(votersUpTo(1));
    const node = new RawNode({
      id: 1,
      storage,
      random: () => 0,
      preVote: false,
      asyncStorageWrites: true,
    });
    expect(() => node.advance()).toThrow("advance()");
    node.campaign();
    const deliver = (message: Message): void => {
      if (message.to === APPEND_THREAD) storage.append(message.entries);
      for (const response of message.responses) node.step(response);
    };
    const kinds: string[] = [];
    while (node.hasReady()) {
      for (const message of node.ready().messages) {
        kinds.push(`${message.type} ${message.entries.map(({ index }) => index).join()}`);
        deliver(message);
      }
    }
    expect(kinds).toEqual([
      "MsgStorageAppend ",
      "MsgStorageAppend 1",
      "MsgStorageAppend ",
      "MsgStorageApply 1",
    ]);
    expect(node).toMatchObject({ role: "leader", committed: 1, applied: 1 });
  });

  test("sends what a leader has to say before its own write is done", () => {
    const storage = new MemoryStorage(votersUpTo(3));
    const node = new RawNode({
      id: 1,
      storage,
      random: () => 0,
      preVote: false,
      asyncStorageWrites: true,
    });
    node.campaign();
    const [, , vote] = node.ready().messages;
    for (const response of vote?.responses ?? []) node.step(response);
    node.step({ ...createMessage("MsgVoteResp", 1), from: 2, term: 1 });
    expect(node.ready().messages.map(({ to }) => to)).toEqual([2, 3, APPEND_THREAD]);
  });

  test("lets several writes be under way, each with its own answers", () => {
    const storage = new MemoryStorage(votersUpTo(3));
    const node = new RawNode({ id: 1, storage, random: () => 0, asyncStorageWrites: true });
    const writes: Message[] = [];
    for (const index of [1, 2]) {
      const append = { from: 2, term: 1, index: index - 1, logTerm: index - 1, commit: index };
      node.step({ ...createMessage("MsgApp", 1), ...append, entries: entriesOf([1], index) });
      writes.push(...node.ready().messages);
    }
    expect(writes.map(({ to }) => to)).toEqual([APPEND_THREAD, APPEND_THREAD]);
    expect(writes.map(({ responses }) => responses.map((each) => each.index))).toEqual([
      [1, 1],
      [2, 2],
    ]);
    for (const write of writes) {
      storage.append(write.entries);
      for (const response of write.responses) if (response.to === 1) node.step(response);
    }
    const [apply] = node.ready().messages;
    expect(apply).toMatchObject({ to: APPLY_THREAD });
    expect(apply?.entries).toHaveLength(2);
    node.step(apply?.responses[0] as Message);
    expect(node.applied).toBe(2);
  });
});

describe("RawNode.status()", () => {
  test("shows the members to a leader only", () => {
    const group = leader();
    expect(group.node(1).status()).toMatchObject({
      id: 1,
      role: "leader",
      term: 1,
      vote: 1,
      leaderId: 1,
      committed: 1,
      applied: 1,
      lastIndex: 1,
      transferTarget: 0,
    });
    expect(
      group
        .node(1)
        .status()
        .progress.map(({ id, match }) => [id, match]),
    ).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    expect(group.node(2).status().progress).toEqual([]);
  });
});

describe("RawNode reports", () => {
  test("an unreachable follower is probed", () => {
    const group = leader();
    group.node(1).reportUnreachable(2);
    group.node(1).reportUnreachable(2);
    group.node(1).reportUnreachable(9);
    group.node(2).reportUnreachable(1);
    expect(group.node(1).status().progress[1]?.state).toBe("probe");
    group.tick(1);
    group.settle();
    expect(group.node(1).status().progress[1]?.state).toBe("replicate");
  });

  test("an election timeout can be placed", () => {
    const group = new InMemoryGroup(3);
    expect(group.node(1).randomizedElectionTimeout).toBe(10);
    group.node(1).overrideElectionTimeout(2);
    group.tick(1, 2);
    expect(group.node(1).role).toBe("preCandidate");
    expect(() => group.node(1).overrideElectionTimeout(0)).toThrow("at least one tick");
  });

  test("a leader that is told to campaign goes on leading", () => {
    const group = leader();
    group.node(1).campaign();
    expect(group.node(1)).toMatchObject({ role: "leader", term: 1 });
  });
});

test("RawNode.ready() hands out a vote cast in a term that was stored before", () => {
  const storage = new MemoryStorage({ ...EMPTY_CONF_STATE, voters: [1, 2, 3] });
  storage.append([{ index: 1, term: 1, type: "normal", data: new Uint8Array(0) }]);
  storage.setHardState({ term: 1, vote: 0, commit: 0 });
  const node = new RawNode({ id: 1, storage, random: () => 0 });
  const request = (from: number, index: number): void => {
    node.step({ ...createMessage("MsgVote", 1), from, term: 2, index, logTerm: index });
  };
  request(2, 0);
  expect(node.ready().hardState).toEqual({ term: 2, vote: 0, commit: 0 });
  node.advance();
  request(3, 1);
  const ready = node.ready();
  expect(ready.hardState).toEqual({ term: 2, vote: 3, commit: 0 });
  expect(ready.mustSync).toBe(true);
});

test("RawNode.transferLeader() to the leader itself ends a transfer, and proposals are taken again", () => {
  const group = leader();
  const node = group.node(1);
  node.transferLeader(2);
  expect(node.propose(bytes("x"))).toEqual({ kind: "dropped", reason: "transferInProgress" });
  node.transferLeader(1);
  expect(node.transferTarget).toBe(0);
  expect(node.propose(bytes("x")).kind).toBe("appended");
});
