import { type ConfState, EMPTY_CONF_STATE, type ProgressStatus } from "raft-ts";
import { describe, expect, test } from "vitest";
import { firstMembers } from "./member-record.ts";
import { type MemberStep, type MemberView, nextMemberStep } from "./member-step.ts";

const end = 500;

function progressOf(id: number, match = end): ProgressStatus {
  return {
    id,
    match,
    next: match + 1,
    state: "replicate",
    isLearner: false,
    recentActive: true,
    paused: false,
    pendingSnapshot: 0,
    inflightCount: 0,
    inflightFull: false,
  };
}

/** Broker 1 leads [1, 2, 3] of which all have everything, unless told otherwise. */
function step(
  wantedIds: readonly number[],
  confState: Partial<ConfState> = {},
  changes: Partial<MemberView> = {},
): MemberStep {
  const state = { ...firstMembers([1, 2, 3]).confState, ...confState };
  const ids = new Set([...state.voters, ...state.votersOutgoing, ...state.learners]);
  return nextMemberStep({
    brokerId: 1,
    members: { index: 100, assignmentId: 7, settledId: 7, confState: state },
    wantedIds,
    assignmentId: 7,
    isMoving: true,
    progress: [...ids].map((id) => progressOf(id)),
    isAlive: () => true,
    ...changes,
  });
}

/** The change in short: who comes and goes, or "leave". */
function shortOf(each: MemberStep): unknown {
  if (each.kind !== "change") return each;
  const { changes, transition } = each.change;
  if (changes.length === 0) return "leave";
  return [transition, ...changes.map(({ nodeId, type }) => `${type} ${nodeId}`)];
}

describe("nextMemberStep()", () => {
  test("adds those that come as learners, one after the other", () => {
    expect(shortOf(step([4, 5, 3]))).toEqual(["auto", "addLearner 4"]);
    expect(shortOf(step([4, 5, 3], { learners: [4] }))).toEqual(["auto", "addLearner 5"]);
  });

  test("waits until every learner has nearly everything", () => {
    const progress = [progressOf(1), progressOf(2), progressOf(3), progressOf(4, 300)];
    const waits = { kind: "wait", for: "catchUp" };
    expect(step([4, 2, 3], { learners: [4] }, { progress })).toEqual(waits);
  });

  test("does not take a short log for one that was caught up with", () => {
    const progress = [progressOf(1, 10), progressOf(2, 10), progressOf(3, 10), progressOf(4, 0)];
    const members = {
      index: 9,
      assignmentId: 7,
      settledId: 0,
      confState: { ...EMPTY_CONF_STATE, voters: [1, 2, 3], learners: [4] },
    };
    const waits = { kind: "wait", for: "catchUp" };
    expect(step([4, 2, 3], {}, { members, progress })).toEqual(waits);
  });

  test("makes all of them voters in one joint change, and the others none", () => {
    const joint = ["jointExplicit", "addVoter 4", "remove 1"];
    expect(shortOf(step([4, 2, 3], { learners: [4] }))).toEqual(joint);
    expect(shortOf(step([1, 2]))).toEqual(["jointExplicit", "remove 3"]);
  });

  test("does not begin where the wanted voters are no living majority", () => {
    const waits = { kind: "wait", for: "quorum" };
    expect(step([1, 2], {}, { isAlive: (id) => id !== 2 })).toEqual(waits);
  });

  test("hands leadership over while both sets vote, where the leader goes, and leaves then", () => {
    const joint = { voters: [4, 2, 3], votersOutgoing: [1, 2, 3] };
    expect(step([4, 2, 3], joint)).toEqual({ kind: "handOver", to: 4 });
    expect(step([4, 2, 3], joint, { isAlive: (id) => id !== 4 })).toMatchObject({ to: 2 });
    expect(shortOf(step([4, 2, 3], joint, { brokerId: 2 }))).toBe("leave");
  });

  test("leaves a joint configuration before anything else, also after a change of mind", () => {
    const joint = { voters: [4, 2, 3], votersOutgoing: [1, 2, 3] };
    expect(shortOf(step([1, 2, 3], joint, { brokerId: 2 }))).toBe("leave");
  });

  test("lets learners go that are not wanted any more", () => {
    expect(shortOf(step([1, 2, 3], { learners: [4] }))).toEqual(["auto", "remove 4"]);
  });

  test("is finished when the members are those wanted, and the log says that they are settled", () => {
    expect(step([3, 2, 1])).toEqual({ kind: "finished" });
    const unsettled = { ...firstMembers([1, 2, 3]), index: 100, assignmentId: 7, settledId: 6 };
    expect(shortOf(step([3, 2, 1], {}, { members: unsettled }))).toEqual(["auto", "update 1"]);
    expect(shortOf(step([3, 2, 1], {}, { assignmentId: 8 }))).toEqual(["auto", "update 1"]);
    expect(step([3, 2, 1], {}, { isMoving: false })).toEqual({ kind: "none" });
  });

  test("does nothing by metadata that is older than what the log has on record", () => {
    const waits = { kind: "wait", for: "metadata" };
    expect(step([4, 2, 3], {}, { assignmentId: 6 })).toEqual(waits);
  });
});
