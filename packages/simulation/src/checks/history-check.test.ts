import { describe, expect, test } from "vitest";
import type { Anomaly } from "./anomaly.ts";
import { checkHistory, type FinalLog } from "./history-check.ts";
import { type Fate, History } from "../workload/history.ts";

/** Three records of one producer in partition 0, all acknowledged, read by one consumer. */
function sound(): { history: History; logs: Map<number, FinalLog> } {
  const history = new History();
  const log = [0, 1, 2].map((number) => {
    const record = history.write("p", number, 0);
    record.fate = { kind: "acknowledged", partition: 0, offset: number };
    const seen = { partition: 0, offset: number, value: `p#${number}` };
    history.saw("c", seen);
    return seen;
  });
  return { history, logs: new Map([[0, log]]) };
}

function failed(outcome: "definite" | "indefinite", code = "REQUEST_TIMED_OUT"): Fate {
  return { kind: "failed", code, outcome, why: "refused" };
}

function kindsOf(anomalies: readonly Anomaly[]): string[] {
  return [...new Set(anomalies.map(({ kind }) => kind))];
}

describe("checkHistory()", () => {
  test("finds nothing wrong with what is right", () => {
    const { history, logs } = sound();
    history.write("p", 3, 0).fate = failed("indefinite");
    expect(checkHistory(history, logs)).toEqual([]);
  });

  test("finds an acknowledged record that is not there", () => {
    const { history } = sound();
    const anomalies = checkHistory(history, new Map());
    expect(kindsOf(anomalies)).toContain("lost write");
  });

  test("finds a record that is there twice", () => {
    const { history, logs } = sound();
    const log = logs.get(0) ?? [];
    logs.set(0, [...log, { partition: 0, offset: 3, value: "p#2" }]);
    expect(kindsOf(checkHistory(history, logs))).toContain("duplicate");
  });

  test("finds an acknowledged record at another offset", () => {
    const { history, logs } = sound();
    history.written.forEach((record) => {
      record.fate = { kind: "acknowledged", partition: 0, offset: record.number + 1 };
    });
    expect(kindsOf(checkHistory(history, logs))).toEqual(["inconsistent offset"]);
  });

  test("finds a record that nobody wrote", () => {
    const { history, logs } = sound();
    logs.set(1, [{ partition: 1, offset: 0, value: "q#0" }]);
    expect(kindsOf(checkHistory(history, logs))).toEqual(["phantom write"]);
  });

  test("finds records of a producer that changed places", () => {
    const { history } = sound();
    const values = ["p#0", "p#2", "p#1"];
    const log = values.map((value, offset) => ({ partition: 0, offset, value }));
    expect(kindsOf(checkHistory(history, new Map([[0, log]])))).toContain("reordered write");
  });

  test("finds a record that was said to have failed for certain", () => {
    const { history, logs } = sound();
    history.write("p", 3, 0).fate = failed("definite");
    const log = logs.get(0) ?? [];
    logs.set(0, [...log, { partition: 0, offset: 3, value: "p#3" }]);
    expect(kindsOf(checkHistory(history, logs))).toEqual(["aborted write seen"]);
  });

  test("finds a record that is refused because of its sequence", () => {
    const { history, logs } = sound();
    history.write("p", 3, 0).fate = failed("definite", "OUT_OF_ORDER_SEQUENCE_NUMBER");
    expect(kindsOf(checkHistory(history, logs))).toEqual(["refused sequence"]);
  });

  test("finds a hole in the offsets of a partition", () => {
    const { history, logs } = sound();
    history.write("p", 3, 0);
    const log = logs.get(0) ?? [];
    logs.set(0, [...log, { partition: 0, offset: 4, value: "p#3" }]);
    expect(kindsOf(checkHistory(history, logs))).toEqual(["offset gap"]);
  });

  test("bears that records are gone that somebody had deleted, and no others", () => {
    const { history, logs } = sound();
    logs.set(0, logs.get(0)?.slice(2) ?? []);
    history.willDelete(0, 2);
    expect(checkHistory(history, logs)).toEqual([]);
    logs.set(0, []);
    expect(kindsOf(checkHistory(history, logs))).toContain("lost write");
    const early = sound();
    early.history.willDelete(0, 1);
    early.logs.set(0, early.logs.get(0)?.slice(2) ?? []);
    expect(kindsOf(checkHistory(early.history, early.logs))).toContain("deleted on nobody's word");
  });

  test("finds a consumer that was given offsets again, and one that was not given some", () => {
    const { history, logs } = sound();
    history.saw("c", { partition: 0, offset: 1, value: "p#1" });
    expect(kindsOf(checkHistory(history, logs))).toEqual(["non-monotonic poll"]);
    const skipping = sound();
    skipping.history.saw("d", { partition: 0, offset: 0, value: "p#0" });
    skipping.history.saw("d", { partition: 0, offset: 2, value: "p#2" });
    expect(kindsOf(checkHistory(skipping.history, skipping.logs))).toEqual(["skipped poll"]);
  });

  test("finds a consumer that was given what is not there in the end", () => {
    const { history, logs } = sound();
    history.saw("d", { partition: 0, offset: 1, value: "p#7" });
    expect(kindsOf(checkHistory(history, logs))).toEqual(["inconsistent offset"]);
  });
});
