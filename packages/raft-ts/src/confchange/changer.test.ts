import { describe, expect, test } from "vitest";
import { Prng } from "../../fakes/prng.ts";
import type { ConfChangeStep, ConfChangeStepType } from "../conf-change.ts";
import { ProgressTracker } from "../tracker/progress-tracker.ts";
import type { ConfChangeResult } from "./changer.ts";
import { applyChange, enterJoint, leaveJoint, simpleChange } from "./changer.ts";
import { restoreMembership } from "./restore.ts";

function trackerOf(voters: readonly number[], learners: readonly number[] = []): ProgressTracker {
  const tracker = new ProgressTracker(10, Infinity);
  restoreMembership(tracker, 10, {
    voters,
    learners,
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  });
  return tracker;
}

function step(type: ConfChangeStepType, nodeId: number): ConfChangeStep {
  return { type, nodeId };
}

function install(tracker: ProgressTracker, result: ConfChangeResult): void {
  if (result.kind === "refused") throw new Error(result.fault);
  tracker.install(result.config, result.progress);
}

describe("simpleChange()", () => {
  test("changes one voter at a time", () => {
    const tracker = trackerOf([1, 2]);
    const two = [step("addVoter", 3), step("remove", 2)];
    expect(simpleChange(tracker, 10, two)).toMatchObject({ fault: "more than one voter changed" });
    install(tracker, simpleChange(tracker, 10, [step("addVoter", 3)]));
    expect(tracker.config.voters).toEqual([1, 2, 3]);
    expect(tracker.get(3)).toMatchObject({ match: 0, next: 10, recentActive: true });
  });

  test("changes as many learners as asked, and ignores node 0 and updates", () => {
    const tracker = trackerOf([1]);
    const steps = [
      step("addLearner", 2),
      step("addLearner", 3),
      step("addLearner", 0),
      step("update", 1),
    ];
    install(tracker, simpleChange(tracker, 10, steps));
    expect(tracker.config.learners).toEqual([2, 3]);
    install(tracker, simpleChange(tracker, 10, [step("addVoter", 3), step("remove", 2)]));
    expect(tracker.config).toMatchObject({ voters: [1, 3], learners: [] });
    expect(tracker.get(2)).toBeUndefined();
  });

  test("keeps what is known of a voter that becomes a learner", () => {
    const tracker = trackerOf([1, 2]);
    const before = tracker.get(2);
    before?.maybeUpdate(9);
    install(tracker, simpleChange(tracker, 10, [step("addLearner", 2)]));
    expect(tracker.get(2)).toMatchObject({ match: 9, isLearner: true });
    expect(before?.isLearner).toBe(false);
  });

  test("leaves at least one voter", () => {
    expect(simpleChange(trackerOf([1]), 10, [step("remove", 1)])).toEqual({
      kind: "refused",
      fault: "no voters left",
    });
  });
});

describe("enterJoint() and leaveJoint()", () => {
  test("keep a voter that becomes a learner until the joint configuration is left", () => {
    const tracker = trackerOf([1, 2, 3]);
    const steps = [step("addLearner", 2), step("remove", 3), step("addVoter", 4)];
    install(tracker, enterJoint(tracker, 10, true, steps));
    expect(tracker.config).toEqual({
      voters: [1, 4],
      votersOutgoing: [1, 2, 3],
      learners: [],
      learnersNext: [2],
      autoLeave: true,
    });
    expect(tracker.get(3)).toBeDefined();
    install(tracker, leaveJoint(tracker, 10));
    expect(tracker.config).toMatchObject({ voters: [1, 4], votersOutgoing: [], learners: [2] });
    expect(tracker.get(2)?.isLearner).toBe(true);
    expect(tracker.get(3)).toBeUndefined();
  });

  test("refuse what does not fit", () => {
    const tracker = trackerOf([1]);
    expect(leaveJoint(tracker, 10)).toMatchObject({ fault: "not joint" });
    expect(enterJoint(trackerOf([]), 10, false, [])).toMatchObject({
      fault: "no voters to start from",
    });
    expect(enterJoint(tracker, 10, false, [step("remove", 1)])).toMatchObject({
      fault: "no voters left",
    });
    install(tracker, enterJoint(tracker, 10, false, []));
    expect(enterJoint(tracker, 10, false, [])).toMatchObject({ fault: "already joint" });
    expect(simpleChange(tracker, 10, [])).toMatchObject({
      fault: "joint, so simple changes are refused",
    });
  });
});

describe("applyChange()", () => {
  test("goes through a joint configuration to where a series of simple changes leads", () => {
    const prng = new Prng(7);
    const types: readonly ConfChangeStepType[] = ["addVoter", "addLearner", "remove", "update"];
    for (let run = 0; run < 300; run++) {
      const steps = Array.from({ length: 1 + prng.integer(6) }, () =>
        step(prng.pick(types), 1 + prng.integer(7)),
      );
      // One voter that nobody touches keeps every intermediate membership possible.
      const [simple, joint] = [trackerOf([1, 2, 9]), trackerOf([1, 2, 9])];
      for (const one of steps) install(simple, simpleChange(simple, 10, [one]));
      install(joint, enterJoint(joint, 10, false, steps));
      const restored = new ProgressTracker(10, Infinity);
      restoreMembership(restored, 10, joint.config);
      expect(restored.config).toEqual(joint.config);
      expect(new Set(restored.progress.keys())).toEqual(new Set(joint.progress.keys()));
      install(joint, leaveJoint(joint, 10));
      expect(joint.config).toEqual(simple.config);
    }
  });

  test("takes the way that the transition names", () => {
    const context = new Uint8Array(0);
    const changes = [step("addVoter", 2)];
    const tracker = trackerOf([1]);
    const auto = applyChange(tracker, 10, { transition: "auto", changes, context });
    expect(auto).toMatchObject({ config: { votersOutgoing: [] } });
    const implicit = applyChange(tracker, 10, { transition: "jointImplicit", changes, context });
    expect(implicit).toMatchObject({ config: { votersOutgoing: [1], autoLeave: true } });
    const explicit = applyChange(tracker, 10, { transition: "jointExplicit", changes, context });
    expect(explicit).toMatchObject({ config: { votersOutgoing: [1], autoLeave: false } });
    const leave = applyChange(tracker, 10, { transition: "auto", changes: [], context });
    expect(leave).toMatchObject({ fault: "not joint" });
  });
});

describe("restoreMembership()", () => {
  test("refuses a membership that contradicts itself", () => {
    const tracker = trackerOf([1]);
    const wrong = { votersOutgoing: [], learnersNext: [], autoLeave: false };
    expect(() => restoreMembership(tracker, 1, { ...wrong, voters: [1], learners: [1] })).toThrow(
      "a voter is not a learner",
    );
    expect(() =>
      restoreMembership(tracker, 1, { ...wrong, voters: [1], learners: [], learnersNext: [2] }),
    ).toThrow("a learner-to-be still votes in the outgoing half");
  });
});
