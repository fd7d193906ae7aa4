import { expect, test } from "vitest";
import { bytes, InMemoryGroup, votersUpTo } from "../fakes/in-memory-group.ts";
import type { Entry } from "./entry.ts";
import { NO_DATA } from "./entry.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { APPEND_THREAD, APPLY_THREAD, createMessage } from "./message.ts";
import type { Message } from "./message.ts";
import { RawNode } from "./raw-node.ts";

/** A storage whose entries must be read from disk first, until a test says that they were. */
class ColdStorage extends MemoryStorage {
  isCold = true;
  asked = 0;

  override entries(
    startIndex: number,
    endIndex: number,
    bytesMax: number,
  ): readonly Entry[] | "compacted" | "unavailable" | "pending" {
    this.asked++;
    return this.isCold ? "pending" : super.entries(startIndex, endIndex, bytesMax);
  }
}

function entry(index: number, type: Entry["type"] = "normal"): Entry {
  return { index, term: 1, type, data: NO_DATA };
}

/** A leader of three whose log, apart from the first entry of its term, lies on disk. */
function coldLeader(storage: ColdStorage): RawNode {
  storage.append([1, 2, 3].map((index) => entry(index)));
  storage.setHardState({ term: 1, vote: 0, commit: 3 });
  const node = new RawNode({ id: 1, storage, random: () => 0, preVote: false, applied: 3 });
  node.campaign();
  node.ready();
  node.advance();
  node.step({ ...createMessage("MsgVoteResp", 1), from: 2, term: 2 });
  expect(node.role).toBe("leader");
  const ready = node.ready();
  storage.append(ready.entries);
  node.advance();
  return node;
}

function rejection(index: number, hint: number): Message {
  return {
    ...createMessage("MsgAppResp", 1),
    from: 2,
    term: 2,
    index,
    reject: true,
    rejectHint: hint,
  };
}

test("a peer whose entries are pending gets nothing until they were fetched, then all of them", () => {
  const storage = new ColdStorage(votersUpTo(3));
  const node = coldLeader(storage);
  node.step(rejection(3, 0));
  expect(node.hasReady()).toBe(false);
  storage.isCold = false;
  node.entriesFetched();
  const [append] = node.ready().messages;
  expect(append).toMatchObject({ type: "MsgApp", to: 2, index: 0, logTerm: 0 });
  expect(append?.entries.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
});

test("storage is not asked again for a peer that waits, except by its heartbeat", () => {
  const storage = new ColdStorage(votersUpTo(3));
  const node = coldLeader(storage);
  node.step(rejection(3, 0));
  const asked = storage.asked;
  node.propose(bytes("x"));
  expect(storage.asked).toBe(asked);
  node.step({ ...createMessage("MsgHeartbeatResp", 1), from: 2, term: 2 });
  expect(storage.asked).toBe(asked + 1);
});

test("a peer that does not wait is served meanwhile", () => {
  const storage = new ColdStorage(votersUpTo(3));
  const node = coldLeader(storage);
  node.step(rejection(3, 0));
  node.step({ ...createMessage("MsgAppResp", 1), from: 3, term: 2, index: 4 });
  node.ready();
  node.advance();
  node.propose(bytes("x"));
  const sent = node.ready().messages;
  expect(sent.map(({ type, to }) => [type, to])).toEqual([["MsgApp", 3]]);
});

test("entries that are fetched for a node that no longer leads are not sent", () => {
  const storage = new ColdStorage(votersUpTo(3));
  const node = coldLeader(storage);
  node.step(rejection(3, 0));
  node.step({ ...createMessage("MsgHeartbeat", 1), from: 3, term: 5 });
  storage.isCold = false;
  node.entriesFetched();
  expect(node.ready().messages.every(({ type }) => type !== "MsgApp")).toBe(true);
});

test("applying waits for pending entries and then goes on in order", () => {
  const storage = new ColdStorage(votersUpTo(3));
  const node = new RawNode({ id: 1, storage, random: () => 0, asyncStorageWrites: true });
  const entries = [entry(1), entry(2)];
  node.step({ ...createMessage("MsgApp", 1), from: 2, term: 1, entries, commit: 2 });
  const append = node.ready().messages.find(({ to }) => to === APPEND_THREAD);
  storage.append(append?.entries ?? []);
  for (const response of append?.responses ?? []) if (response.to === 1) node.step(response);
  expect(node.ready().committedEntries).toEqual([]);
  expect(node.hasReady()).toBe(false);
  storage.isCold = false;
  node.entriesFetched();
  const apply = node.ready().messages.find(({ to }) => to === APPLY_THREAD);
  expect(apply?.entries).toEqual(entries);
});

test("a node whose unapplied entries are pending does not campaign: one might change the membership", () => {
  const storage = new ColdStorage(votersUpTo(3));
  storage.append([entry(1)]);
  storage.setHardState({ term: 1, vote: 0, commit: 1 });
  const node = new RawNode({ id: 1, storage, random: () => 0 });
  node.campaign();
  expect(node.role).toBe("follower");
  storage.isCold = false;
  node.campaign();
  expect(node.role).toBe("preCandidate");
});

test("a page that reaches from disk into memory is one append without a gap", () => {
  const group = new InMemoryGroup(3, { 0: { config: { maxSizePerMsg: 1_000 } } });
  group.elect(1);
  group.isolate(3);
  group.node(1).propose(bytes("durable"));
  group.settle();
  group.heal();
  group.node(1).propose(bytes("not yet"));
  group.node(1).step({
    ...createMessage("MsgAppResp", 1),
    from: 3,
    term: 1,
    index: 2,
    reject: true,
    rejectHint: 1,
    logTerm: 1,
  });
  const toThird = group.process(1).filter(({ to, entries }) => to === 3 && entries.length > 1);
  expect(toThird.map(({ index, entries }) => [index, entries.map((each) => each.index)])).toEqual([
    [1, [2, 3]],
  ]);
});
