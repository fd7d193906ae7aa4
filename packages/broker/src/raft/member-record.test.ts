import { EMPTY_CONF_STATE } from "raft-ts";
import { expect, test } from "vitest";
import {
  assignmentContext,
  decodeMembers,
  encodeMembers,
  firstMembers,
  isMember,
  leaveJoint,
  MemberedMachine,
  membersKey,
  settlement,
} from "./member-record.ts";
import type { StateMachine } from "./state-machine.ts";

/** A machine without state. */
const empty: StateMachine = {
  restoredIndex: 0,
  appliedIndex: 0,
  apply: () => undefined,
  leadershipChanged: () => undefined,
  takeChanges: () => [],
  takeImage: () => ({ prefixes: [], pairs: [] }),
};

const entry = (index: number) =>
  ({ index, term: 1, type: "confChangeV2", data: new Uint8Array(0) }) as const;

test("decodeMembers() gives back what encodeMembers() was given", () => {
  const confState = {
    voters: [4, 2, 3],
    votersOutgoing: [1, 2, 3],
    learners: [300],
    learnersNext: [5],
    autoLeave: true,
  };
  const members = { index: 70_000, assignmentId: 12, settledId: 11, confState };
  expect(decodeMembers(encodeMembers(members))).toEqual(members);
  expect(() => decodeMembers(encodeMembers(members).subarray(0, -1))).toThrow();
});

test("isMember() counts voters of both halves, and learners", () => {
  const state = { ...EMPTY_CONF_STATE, voters: [1], votersOutgoing: [2], learners: [3] };
  expect([1, 2, 3, 4].map((id) => isMember(state, id))).toEqual([true, true, true, false]);
});

test("a machine keeps who belongs to its group, in its image and beside the log", () => {
  const machine = new MemberedMachine(empty, 9, firstMembers([1]), undefined);
  expect(machine.takeChanges()).toEqual([]);
  const confState = { ...EMPTY_CONF_STATE, voters: [1], learners: [2] };
  const change = { ...leaveJoint(5), context: assignmentContext(5) };
  machine.changed(entry(7), change, confState);
  expect(machine.members).toEqual({ index: 7, assignmentId: 5, settledId: 0, confState });
  const [kept] = machine.takeChanges();
  expect(kept?.key).toBe(membersKey(9));
  const [pair] = machine.takeImage().pairs;
  expect(pair).toEqual([membersKey(9), kept?.value]);
  const restored = new MemberedMachine(empty, 9, firstMembers([1]), kept?.value);
  expect(restored.members).toEqual(machine.members);
  expect([6, 7, 8].map((index) => restored.contains(entry(index)))).toEqual([true, true, false]);
});

test("an older assignment's change does not take the newest one off the record", () => {
  const machine = new MemberedMachine(empty, 9, firstMembers([1]), undefined);
  const confState = firstMembers([1]).confState;
  machine.changed(entry(7), { ...leaveJoint(5), context: assignmentContext(5) }, confState);
  machine.changed(entry(8), { ...leaveJoint(4), context: assignmentContext(4) }, confState);
  expect(machine.members).toMatchObject({ index: 8, assignmentId: 5 });
});

test("the members of an assignment are settled by an entry of their own", () => {
  const machine = new MemberedMachine(empty, 9, firstMembers([1]), undefined);
  const { confState } = firstMembers([1]);
  machine.changed(entry(7), leaveJoint(5), confState);
  expect(machine.members).toMatchObject({ assignmentId: 5, settledId: 0 });
  machine.changed(entry(8), settlement(5, 1), confState);
  expect(machine.members).toMatchObject({ index: 8, assignmentId: 5, settledId: 5 });
});
