import { describe, expect, test } from "vitest";
import { ReplicaDisk, type StoredLog, type StoredWrite } from "./replica-disk.ts";

/** A log that begins at entry 1, with entries of these terms. */
function logOf(terms: readonly number[], term = 1, vote = 0): StoredLog {
  return {
    hardState: { term, vote, commit: 0 },
    firstIndex: () => 1,
    lastIndex: () => terms.length,
    term: (index) => terms[index - 1] ?? "unavailable",
  };
}

function writeOf(startIndex: number, terms: readonly number[], term = 1, vote = 0): StoredWrite {
  const entries = terms.map((entryTerm, row) => {
    return {
      index: startIndex + row,
      term: entryTerm,
      type: "normal" as const,
      data: new Uint8Array(0),
    };
  });
  return { hardState: { term, vote, commit: 0 }, entries };
}

describe("ReplicaDisk", () => {
  test("has() knows entries that are durable, and not those that are on their way", () => {
    const disk = new ReplicaDisk(logOf([1]));
    disk.writing(writeOf(2, [1, 1]));
    expect(disk.has(2, 1)).toBe(false);
    disk.durable();
    expect(disk.has(3, 1)).toBe(true);
    expect(disk.has(3, 2)).toBe(false);
  });

  test("has() forgets entries that a later write replaced", () => {
    const disk = new ReplicaDisk(logOf([1, 1, 1]));
    disk.writing(writeOf(2, [2], 2));
    disk.durable();
    expect([disk.has(1, 1), disk.has(2, 2), disk.has(3, 1)]).toEqual([true, true, false]);
  });

  test("lossIn() bears every number of the writes that were under way", () => {
    for (const terms of [[1], [1, 1], [1, 1, 1]]) {
      const disk = new ReplicaDisk(logOf([1]));
      disk.writing(writeOf(2, [1]));
      disk.writing(writeOf(3, [1]));
      expect(disk.lossIn(logOf(terms))).toBeUndefined();
    }
  });

  test("lossIn() tells of entries, terms and votes that were durable and are gone", () => {
    const lossOf = (log: StoredLog): string | undefined => {
      const disk = new ReplicaDisk(logOf([1]));
      disk.writing(writeOf(2, [3], 3, 2));
      disk.durable();
      return disk.lossIn(log);
    };
    expect(lossOf(logOf([1, 3], 3, 2))).toBeUndefined();
    expect(lossOf(logOf([1], 3, 2))).toBe("entries up to 2 were durable, and the log ends at 1");
    expect(lossOf(logOf([1, 2], 3, 2))).toBe("entry 2 of term 3 became one of term 2");
    expect(lossOf(logOf([1, 3], 2, 2))).toBe("term 3 on disk became 2");
    expect(lossOf(logOf([1, 3], 3, 0))).toBe("the vote for 2 in term 3 became one for 0");
    expect(lossOf(logOf([1, 3], 4, 0))).toBeUndefined();
  });

  test("takenOut() bears other entries, and no lower term", () => {
    const disk = new ReplicaDisk(logOf([1, 1], 2)).takenOut();
    expect(disk.lossIn(logOf([2], 2))).toBeUndefined();
    expect(disk.lossIn(logOf([2], 1))).toBe("term 2 on disk became 1");
  });

  test("takenOut() bears no snapshot of what the log had that takes away what came after it", () => {
    const lossOf = (before: readonly number[], after: readonly number[]): string | undefined => {
      const disk = new ReplicaDisk(logOf(before, 2)).takenOut();
      // The snapshot ends with entry 2, of term 1.
      const term = (index: number): number => after[index - 1] ?? 0;
      const lastIndex = (): number => after.length;
      return disk.lossIn({ ...logOf(after, 2), firstIndex: () => 3, lastIndex, term });
    };
    expect(lossOf([1, 1, 1], [1, 1])).toBe(
      "entries up to 3 followed entry 2 of term 1, which a snapshot brought again, and the log ends at 2",
    );
    expect(lossOf([1, 1, 1], [1, 1, 1])).toBeUndefined();
    expect(lossOf([1], [1, 1])).toBeUndefined();
    expect(lossOf([1, 0, 0], [1, 1])).toBeUndefined();
  });

  test("hasVoted() knows the vote that is durable, and that a later term made it past", () => {
    const disk = new ReplicaDisk(logOf([1], 2, 3));
    expect([disk.hasVoted(2, 3), disk.hasVoted(2, 1), disk.hasVoted(3, 3)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(disk.hasVoted(1, 1)).toBe(true);
  });
});
