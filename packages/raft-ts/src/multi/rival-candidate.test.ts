import { describe, expect, test } from "vitest";
import { EMPTY_CONF_STATE } from "../conf-state.ts";
import { MemoryStorage } from "../memory-storage.ts";
import { createMessage, type Message } from "../message.ts";
import { RawNode } from "../raw-node.ts";
import { nodeConfig, resolveOptions } from "./multi-config.ts";
import { courtesyTicks, isRival } from "./rival-candidate.ts";

const options = resolveOptions({ nodeId: 2, epoch: 1, random: () => 0, electionTicks: 20 });

/** Node 2 of three in term 5, whose last entry is the third, of term 4. */
function node(): RawNode {
  const storage = new MemoryStorage({ ...EMPTY_CONF_STATE, voters: [1, 2, 3] });
  const data = new Uint8Array(0);
  storage.append([1, 2, 3].map((index) => ({ index, term: 4, type: "normal", data })));
  storage.setHardState({ term: 5, vote: 0, commit: 0 });
  return new RawNode(nodeConfig(options, { storage }));
}

const asks = (changes: Partial<Message> = {}): Message => ({
  ...createMessage("MsgPreVote", 2),
  from: 3,
  term: 6,
  index: 3,
  logTerm: 4,
  ...changes,
});

describe("isRival()", () => {
  test("is a candidate that has all that the node has, where no leader is known", () => {
    expect(isRival(node(), asks())).toBe(true);
    expect(isRival(node(), asks({ type: "MsgVote", index: 1, logTerm: 5 }))).toBe(true);
  });

  test("is none that could not have the node's vote", () => {
    expect(isRival(node(), asks({ index: 2 }))).toBe(false);
    expect(isRival(node(), asks({ index: 9, logTerm: 3 }))).toBe(false);
    expect(isRival(node(), asks({ term: 4 }))).toBe(false);
    expect(isRival(node(), asks({ type: "MsgApp" }))).toBe(false);
  });

  test("is none where a leader is known", () => {
    const follower = node();
    follower.step({ ...createMessage("MsgHeartbeat", 2), from: 1, term: 5 });
    expect(isRival(follower, asks())).toBe(false);
  });
});

describe("courtesyTicks()", () => {
  test("leaves a rival half an election timeout from its last question", () => {
    const asked = { rivalTick: 100, turnTick: 103 };
    expect([100, 103, 109, 110, 200].map((now) => courtesyTicks(options, asked, now))).toEqual([
      10, 7, 1, 0, 0,
    ]);
    expect(courtesyTicks(options, { rivalTick: 0, turnTick: 103 }, 103)).toBe(0);
  });

  test("is no longer than an election timeout in all, however often others ask", () => {
    expect(courtesyTicks(options, { rivalTick: 118, turnTick: 100 }, 118)).toBe(2);
    expect(courtesyTicks(options, { rivalTick: 120, turnTick: 100 }, 120)).toBe(0);
  });
});
