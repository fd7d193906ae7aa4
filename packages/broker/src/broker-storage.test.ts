import { describe, expect, test } from "vitest";
import { unknownThroughIndex } from "./broker-storage.ts";
import type { Identity } from "./membership/identity.ts";

function storage(
  enteredIndex: number,
  isDamaged: boolean,
): Parameters<typeof unknownThroughIndex>[0] {
  const identity: Identity = {
    directoryId: "dir",
    brokerId: 4,
    clusterId: "cluster",
    startCount: 2,
    bootstrapIds: [1, 2, 3],
    hasJoined: true,
    enteredIndex,
    hasJournal: true,
  };
  return { identity, log: { isDamaged } };
}

describe("unknownThroughIndex()", () => {
  test("says of a sound directory that the log knows what came since it was taken in, also after a start", () => {
    // Entry 73 made a topic, and the power went before its replica wrote anything: it is a new one all the same.
    expect(unknownThroughIndex(storage(12, false), 80)).toBe(12);
    expect(unknownThroughIndex(storage(0, false), 80)).toBe(0);
  });

  test("lets damage hide everything that the metadata told of before the start", () => {
    expect(unknownThroughIndex(storage(12, true), 80)).toBe(80);
    expect(unknownThroughIndex(storage(12, true), 0)).toBe(12);
  });
});
