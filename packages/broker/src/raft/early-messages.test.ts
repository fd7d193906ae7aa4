import { createMessage } from "raft-ts";
import { expect, test } from "vitest";
import { EarlyMessages, earlyMessagesMax } from "./early-messages.ts";

const message = createMessage("MsgPreVote", 1);
const group = (groupId: number) => ({ groupId, incarnation: 1 });

test("EarlyMessages gives back what was held for a group, once and in order", () => {
  const early = new EarlyMessages();
  early.hold(group(7), 2, message);
  early.age();
  early.hold(group(7), 3, message);
  early.hold(group(8), 2, message);
  expect(early.take(7).map(({ from }) => from)).toEqual([2, 3]);
  expect(early.take(7)).toEqual([]);
});

test("EarlyMessages drops what nobody took through two ages, and what comes beyond its bound", () => {
  const early = new EarlyMessages();
  for (let i = 0; i < earlyMessagesMax + 5; i += 1) early.hold(group(7), 2, message);
  early.age();
  early.hold(group(7), 3, message);
  early.age();
  expect(early.take(7)).toEqual([]);
  for (let i = 0; i < earlyMessagesMax + 5; i += 1) early.hold(group(9), 2, message);
  expect(early.take(9).length).toBe(earlyMessagesMax);
});

test("EarlyMessages holds no snapshots, which are large and come again", () => {
  const early = new EarlyMessages();
  const members = { voters: [1], learners: [], votersOutgoing: [], learnersNext: [] };
  const confState = { ...members, autoLeave: false };
  const snapshot = { index: 1, term: 1, confState, data: new Uint8Array(9) };
  early.hold(group(7), 2, { ...createMessage("MsgSnap", 1), snapshot });
  expect(early.take(7)).toEqual([]);
});
