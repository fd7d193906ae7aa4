import { describe, expect, test } from "vitest";
import { GroupHistory } from "../workload/group-history.ts";
import { checkGroup } from "./group-check.ts";

/** A member that was given the first three records and committed them, and somebody who was told so. */
function sound(): GroupHistory {
  const history = new GroupHistory();
  for (const offset of [0, 1, 2]) history.delivered("m1", 0, offset);
  history.committed(0, 3);
  history.told(history.asked(), new Map([[0, 3]]));
  return history;
}

function kindsOf({ events }: GroupHistory): string[] {
  return [...new Set(checkGroup(events).map(({ kind }) => kind))];
}

describe("checkGroup()", () => {
  test("finds nothing wrong with what is right, nor with records that are given again", () => {
    const history = sound();
    history.delivered("m2", 0, 2);
    history.delivered("m2", 0, 3);
    expect(kindsOf(history)).toEqual([]);
  });

  test("finds a committed offset that went back, or that nobody knows any more", () => {
    const back = sound();
    back.told(back.asked(), new Map([[0, 2]]));
    const gone = sound();
    gone.told(gone.asked(), new Map());
    expect([kindsOf(back), kindsOf(gone)]).toEqual([
      ["group offset regression"],
      ["group offset regression"],
    ]);
  });

  test("bears that a member put the group back itself", () => {
    const history = sound();
    history.rewound(0, 2);
    history.told(history.asked(), new Map([[0, 2]]));
    expect(kindsOf(history)).toEqual([]);
    history.told(history.asked(), new Map([[0, 1]]));
    expect(kindsOf(history)).toEqual(["group offset regression"]);
  });

  test("takes an answer for what it was when the question was asked", () => {
    const history = new GroupHistory();
    const question = history.asked();
    history.delivered("m1", 0, 0);
    history.committed(0, 1);
    history.told(question, new Map());
    expect(kindsOf(history)).toEqual([]);
  });

  test("finds a record below a committed offset that no member was given", () => {
    const history = sound();
    history.delivered("m1", 0, 4);
    history.committed(0, 5);
    expect(kindsOf(history)).toEqual(["skipped by the group"]);
    expect(checkGroup(history.events, () => 4)).toEqual([]);
  });
});
