import { describe, expect, test } from "vitest";
import { decideEntry, type EntryAnswer, type EntryInput } from "./entry-decision.ts";

const named = [1, 2, 3];
const none: EntryAnswer = { clusterId: "", bootstrapIds: named, controllerId: 0 };
const member: EntryAnswer = { clusterId: "c", bootstrapIds: named, controllerId: 2 };

const decide = (
  answers: readonly (readonly [number, EntryAnswer])[],
  changes: Partial<EntryInput> = {},
) =>
  decideEntry({
    brokerId: 1,
    namedIds: named,
    answers: new Map(answers),
    seen: new Map(),
    mayForm: true,
    majorityMs: 0,
    graceMs: 2000,
    ...changes,
  });

describe("decideEntry()", () => {
  test("forms a cluster at once where every named broker is there, and a lone one by itself", () => {
    expect(
      decide([
        [2, none],
        [3, none],
      ]),
    ).toEqual({ kind: "form" });
    expect(decide([], { namedIds: [1] })).toEqual({ kind: "form" });
  });

  test("forms it with a majority once the others were waited for, and never with less", () => {
    expect(decide([[2, none]])).toMatchObject({ kind: "wait" });
    expect(decide([[2, none]], { majorityMs: 2000 })).toEqual({ kind: "form" });
    expect(decide([], { majorityMs: 100_000 })).toMatchObject({
      kind: "wait",
      reason:
        "not registered with a controller yet: 1 of the 3 brokers that form the cluster are there",
    });
  });

  test("enters a cluster that anybody knows of, and asks its controller first", () => {
    expect(
      decide(
        [
          [2, none],
          [3, member],
        ],
        { majorityMs: 100_000 },
      ),
    ).toEqual({
      kind: "enter",
      clusterId: "c",
      askedIds: [2, 3],
    });
  });

  test("only ever enters where it is not one of those that form the cluster", () => {
    const answers = named.map((id) => [id, none] as const);
    expect(decide(answers, { brokerId: 4, majorityMs: 100_000 })).toEqual({
      kind: "wait",
      reason: "none of the brokers 1, 2, 3 belongs to a cluster yet",
    });
  });

  test("does not form a cluster with brokers that were told of another one", () => {
    const other = { ...none, bootstrapIds: [2, 3, 4] };
    expect(
      decide(
        [
          [2, other],
          [3, none],
        ],
        { majorityMs: 100_000 },
      ),
    ).toMatchObject({
      kind: "wait",
      reason: expect.stringContaining(
        "broker 2 is to form a cluster of 2, 3, 4, this one of 1, 2, 3",
      ),
    });
  });

  test("chooses between two clusters for nobody", () => {
    const answers = [
      [2, member],
      [3, { ...member, clusterId: "d" }],
    ] as const;
    expect(decide(answers)).toMatchObject({
      kind: "wait",
      reason: expect.stringContaining("broker 2 to c, broker 3 to d"),
    });
  });

  test("forms none while a broker of a cluster takes this one for one of it, whoever else is there", () => {
    const seen = new Map([[4, "c"]]);
    const answers = [
      [2, none],
      [3, none],
    ] as const;
    const decision = decide(answers, { seen, majorityMs: 100_000 });
    expect(decision).toMatchObject({ kind: "wait" });
    expect(decision).toHaveProperty("reason", expect.stringContaining("broker 4 of cluster c"));
    // Somebody who knows it, too, can take it in.
    expect(decide([...answers, [4, member]], { seen })).toMatchObject({ kind: "enter" });
  });

  test("forms none where it was told that there is one", () => {
    const answers = [
      [2, none],
      [3, none],
    ] as const;
    expect(decide(answers, { mayForm: false })).toMatchObject({ kind: "wait" });
    expect(decide([[2, member]], { mayForm: false })).toMatchObject({ kind: "enter" });
  });
});
