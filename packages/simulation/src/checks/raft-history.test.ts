import type { StateImage } from "@ropewalk/broker";
import { describe, expect, test } from "vitest";
import type { Anomaly } from "./anomaly.ts";
import { type AppliedEntry, RaftHistory } from "./raft-history.ts";

function entry(index: number, term: number, text = "a"): AppliedEntry {
  return { index, term, data: Buffer.from(text) };
}

/** What a history reports after `act`. */
function kindsAfter(act: (history: RaftHistory) => void): string[] {
  const anomalies: Anomaly[] = [];
  act(new RaftHistory("1.1", (anomaly) => void anomalies.push(anomaly)));
  return anomalies.map(({ kind }) => kind);
}

const nothing = (): number => -1;

describe("RaftHistory", () => {
  test("elected() bears one leader in a term, again and again, and not two", () => {
    expect(
      kindsAfter((history) => {
        history.elected(1, 2, nothing);
        history.elected(1, 2, nothing);
        history.elected(2, 3, nothing);
      }),
    ).toEqual([]);
    expect(
      kindsAfter((history) => {
        history.elected(1, 2, nothing);
        history.elected(2, 2, nothing);
      }),
    ).toEqual(["two leaders"]);
  });

  test("elected() finds a leader that lacks what was committed in an earlier term", () => {
    expect(
      kindsAfter((history) => {
        history.applied(1, 2, entry(1, 2));
        history.elected(2, 3, nothing);
      }),
    ).toEqual(["incomplete leader"]);
  });

  test("elected() bears a leader of an earlier term, whose votes came late", () => {
    expect(
      kindsAfter((history) => {
        history.applied(1, 1, entry(1, 1));
        history.applied(1, 3, entry(2, 1));
        history.elected(2, 2, (index) => (index === 1 ? 1 : -1));
      }),
    ).toEqual([]);
  });

  test("applied() finds another entry at the same index, of another term or with other bytes", () => {
    expect(
      kindsAfter((history) => {
        history.applied(1, 2, entry(1, 2));
        history.applied(2, 3, entry(1, 2));
        history.applied(3, 3, entry(1, 3));
        history.applied(3, 3, entry(1, 2, "b"));
      }),
    ).toEqual(["changed entry", "changed entry"]);
  });

  test("membersChanged() finds a change that is made for an older assignment than one before", () => {
    const kindsOf = (assignments: readonly number[]): string[] =>
      kindsAfter((history) => {
        for (const [row, id] of assignments.entries()) history.membersChanged(1, row + 1, id);
        // Another replica applies the same, later.
        for (const [row, id] of assignments.entries()) history.membersChanged(2, row + 1, id);
      });
    expect(kindsOf([5, 5, 9])).toEqual([]);
    expect(kindsOf([5, 9, 5])).toEqual(["older assignment"]);
  });

  test("reached() finds replicas whose states are not the same after as many entries", () => {
    const image = (value: string): StateImage => {
      return { prefixes: [], pairs: [["metadata/a", Buffer.from(value)]] };
    };
    expect(
      kindsAfter((history) => {
        history.reached(1, 4, image("x"));
        history.reached(2, 4, image("x"));
        history.reached(2, 8, image("y"));
        history.reached(3, 4, image("y"));
      }),
    ).toEqual(["states differ"]);
  });
});
