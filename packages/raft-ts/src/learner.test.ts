import { describe, expect, test } from "vitest";
import { bytes, InMemoryGroup, type MemberStart, votersUpTo } from "../fakes/in-memory-group.ts";
import type { ConfChangeStep } from "./conf-change.ts";
import { LEAVE_JOINT } from "./conf-change.ts";
import { NO_DATA } from "./entry.ts";

/** Voters 1 and 2, led by 1, and a node 3 with an empty log that is no member. */
function groupWithStranger(starts: Readonly<Record<number, MemberStart>> = {}): InMemoryGroup {
  const group = new InMemoryGroup(3, starts, votersUpTo(2));
  group.elect(1);
  return group;
}

function change(
  group: InMemoryGroup,
  leader: number,
  transition: "auto" | "jointExplicit",
  ...changes: ConfChangeStep[]
): void {
  const outcome = group.node(leader).proposeConfChange({ transition, changes, context: NO_DATA });
  expect(outcome.kind).toBe("appended");
  group.settle();
}

describe("a node that abstains", () => {
  test("neither campaigns nor grants votes until its abstention ends", () => {
    const group = new InMemoryGroup(3, { 3: { config: { abstains: true } } });
    group.elect(3);
    expect(group.leaders).toEqual([]);
    group.isolate(2);
    group.elect(1);
    expect(group.leaders).toEqual([]);
    group.node(3).endAbstention();
    group.elect(1);
    expect(group.leaders).toEqual([1]);
  });

  test("takes entries all the same, and counts for them", () => {
    const group = new InMemoryGroup(3, { 3: { config: { abstains: true } } });
    group.elect(1);
    group.isolate(2);
    group.node(1).propose(bytes("a"));
    group.settle();
    expect(group.node(1).committed).toBe(group.node(1).lastIndex);
    expect(group.node(3).committed).toBe(group.node(1).committed);
  });
});

describe("a learner", () => {
  test("is sent entries only as they are admitted, and voters all of them", () => {
    let budget = 0;
    const admitToLearner = (size: number): boolean => {
      if (budget < size) return false;
      budget -= size;
      return true;
    };
    const group = groupWithStranger({ 1: { config: { admitToLearner, maxSizePerMsg: 10 } } });
    change(group, 1, "auto", { type: "addLearner", nodeId: 3 });
    for (const text of ["0123456789", "abcdefghij"]) group.node(1).propose(bytes(text));
    group.settle();
    expect(group.node(3).lastIndex).toBe(0);
    expect(group.node(2).lastIndex).toBe(group.node(1).lastIndex);
    budget = 1000;
    group.node(1).entriesFetched();
    group.settle();
    expect(group.node(3).lastIndex).toBe(0);
    group.node(1).learnersAdmitted();
    group.settle();
    expect(group.node(3).lastIndex).toBe(group.node(1).lastIndex);
    expect(budget).toBeLessThan(1000);
  });

  test("takes the leader's place through a joint configuration, and nothing committed is lost", () => {
    const group = groupWithStranger();
    group.node(1).propose(bytes("a"));
    change(group, 1, "auto", { type: "addLearner", nodeId: 3 });
    const steps: ConfChangeStep[] = [
      { type: "addVoter", nodeId: 3 },
      { type: "remove", nodeId: 1 },
    ];
    change(group, 1, "jointExplicit", ...steps);
    expect(group.node(1).confState).toMatchObject({ voters: [2, 3], votersOutgoing: [1, 2] });
    group.node(1).transferLeader(3);
    group.settle();
    expect(group.leaders).toEqual([3]);
    expect(group.node(3).proposeConfChange(LEAVE_JOINT).kind).toBe("appended");
    group.settle();
    expect(group.node(3).confState).toMatchObject({ voters: [2, 3], votersOutgoing: [] });
    // The one that left can do no harm, and the others go on without it.
    group.isolate(1);
    group.node(3).propose(bytes("b"));
    group.settle();
    const data = (id: number): string[] =>
      group.member(id).applied.flatMap((entry) => {
        const isCommand = entry.type === "normal" && entry.data.length > 0;
        return isCommand ? new TextDecoder().decode(entry.data) : [];
      });
    expect([data(2), data(3)]).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
  });
});
