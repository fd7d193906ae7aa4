import { describe, expect, test } from "vitest";
import { failureKind, minimize } from "./minimize.ts";
import type { RunOutcome } from "./run.ts";
import { optionsOfSeed, type RunOptions } from "./run-options.ts";

const options: RunOptions = {
  ...optionsOfSeed("1"),
  producerCount: 3,
  partitionCount: 6,
  burstMax: 20,
};

function outcomeOf(failures: readonly string[]): RunOutcome {
  return {
    seed: "1",
    failures,
    traceHash: "",
    lastLines: [],
    simulatedMs: 0,
    eventCount: 0,
    writtenCount: 0,
    acknowledgedCount: 0,
    seenCount: 0,
    faultCounts: new Map(),
    strikeCount: 20,
  };
}

describe("minimize()", () => {
  test("finds the two faults and the two partitions that a failure takes", async () => {
    const run = ({ partitionCount, strikes }: RunOptions): Promise<RunOutcome> => {
      const isHit = strikes === undefined || (strikes.includes(3) && strikes.includes(17));
      const isLost = isHit && partitionCount >= 2;
      return Promise.resolve(outcomeOf(isLost ? ["lost write: p1#7 at 0:4"] : []));
    };
    const changes = await minimize(options, { run, runsMax: 200 });
    expect(changes?.strikes).toEqual([3, 17]);
    expect(changes?.partitionCount).toBe(3);
    expect(changes?.producerCount).toBe(1);
    expect(changes?.burstMax).toBe(1);
  });

  test("does not take another failure for the same", async () => {
    const run = ({ producerCount }: RunOptions): Promise<RunOutcome> => {
      if (producerCount < 3) throw new Error("this run cannot be");
      return Promise.resolve(outcomeOf(["duplicate: p1#7 at 0:4"]));
    };
    const changes = await minimize(options, { run, runsMax: 200 });
    expect(changes?.producerCount).toBeUndefined();
    expect(changes?.strikes).toEqual([]);
  });

  test("says of a seed that does not fail that there is nothing to minimize", async () => {
    const run = (): Promise<RunOutcome> => Promise.resolve(outcomeOf([]));
    expect(await minimize(options, { run, runsMax: 200 })).toBeUndefined();
  });
});

test("failureKind() tells failures apart by what they are, not by their numbers", () => {
  const kindOf = (failure: string): string => failureKind({ failures: [failure] });
  expect(kindOf("lost write: p1#7")).toBe(kindOf("lost write: p2#9"));
  expect(kindOf("liveness: 3 records have no fate")).toBe(
    kindOf("liveness: 8 records have no fate"),
  );
  expect(kindOf("liveness: cannot stop")).not.toBe(kindOf("liveness: 8 records have no fate"));
});
