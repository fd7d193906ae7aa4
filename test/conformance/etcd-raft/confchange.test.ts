import { describe, expect, test } from "vitest";
import type { ConfChangeStep } from "../../../packages/raft-ts/src/conf-change.ts";
import {
  enterJoint,
  leaveJoint,
  simpleChange,
} from "../../../packages/raft-ts/src/confchange/changer.ts";
import type {
  ConfChangeFault,
  ConfChangeResult,
} from "../../../packages/raft-ts/src/confchange/changer.ts";
import { progressStatus } from "../../../packages/raft-ts/src/status.ts";
import { ProgressTracker } from "../../../packages/raft-ts/src/tracker/progress-tracker.ts";
import type { Directive } from "./datadriven.ts";
import { argumentValue } from "./datadriven.ts";
import { describeConfig, describeProgress, parseConfChangeSteps } from "./describe.ts";
import { hasTestdata, loadPack, skipReason } from "./testdata.ts";

describe.skipIf(!hasTestdata)("etcd/raft confchange pack", () => {
  for (const file of loadPack("confchange")) {
    test(file.name, () => {
      const tracker = new ProgressTracker(10, Infinity);
      file.directives.forEach((directive, lastIndex) => {
        const steps = parseConfChangeSteps(directive.input);
        const result = change(directive, tracker, lastIndex, steps);
        expect(report(result, tracker), `line ${directive.line}`).toBe(directive.expected);
      });
    });
  }
});

if (!hasTestdata) test.skip(skipReason, () => {});

function change(
  directive: Directive,
  tracker: ProgressTracker,
  lastIndex: number,
  steps: readonly ConfChangeStep[],
): ConfChangeResult {
  if (directive.command === "simple") return simpleChange(tracker, lastIndex, steps);
  if (directive.command === "leave-joint") return leaveJoint(tracker, lastIndex);
  const autoLeave = argumentValue(directive, "autoleave", "false") === "true";
  return enterJoint(tracker, lastIndex, autoLeave, steps);
}

function report(result: ConfChangeResult, tracker: ProgressTracker): string {
  if (result.kind === "refused") return FAULT_TEXTS[result.fault];
  tracker.install(result.config, result.progress);
  const lines = tracker.members.map((member) => describeProgress(progressStatus(member)));
  return [describeConfig(result.config), ...lines].join("\n");
}

const FAULT_TEXTS: Record<ConfChangeFault, string> = {
  "already joint": "config is already joint",
  "not joint": "can't leave a non-joint config",
  "joint, so simple changes are refused": "can't apply simple config change in joint config",
  "no voters to start from": "can't make a zero-voter config joint",
  "no voters left": "removed all voters",
  "more than one voter changed": "more than one voter changed without entering joint config",
};
