import { describe, expect, test } from "vitest";
import { entriesOf, votersUpTo } from "../fakes/in-memory-group.ts";
import { ENTRY_OVERHEAD_BYTES, NO_DATA } from "./entry.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { RaftLog } from "./raft-log.ts";

/** A log whose first `stableCount` entries are in storage. */
function logOf(terms: readonly number[], stableCount: number, applyingBytesMax = 1_000): RaftLog {
  const storage = new MemoryStorage();
  storage.append(entriesOf(terms.slice(0, stableCount)));
  const log = new RaftLog(storage, applyingBytesMax, undefined);
  log.append(entriesOf(terms.slice(stableCount), stableCount + 1));
  return log;
}

function indexes(page: ReturnType<RaftLog["slice"]>): unknown {
  return typeof page === "string" ? page : page.map(({ index }) => index);
}

describe("RaftLog", () => {
  test("slice() joins what is stored and what is not, within a limit in bytes", () => {
    const log = logOf([1, 1, 1, 1], 2);
    expect(indexes(log.slice(1, 5, Infinity))).toEqual([1, 2, 3, 4]);
    expect(indexes(log.slice(2, 4, Infinity))).toEqual([2, 3]);
    expect(indexes(log.slice(3, 5, Infinity))).toEqual([3, 4]);
    expect(indexes(log.slice(1, 5, 0))).toEqual([1]);
    expect(indexes(log.slice(1, 5, 2 * ENTRY_OVERHEAD_BYTES))).toEqual([1, 2]);
    expect(indexes(log.slice(1, 5, 2 * ENTRY_OVERHEAD_BYTES + 1))).toEqual([1, 2]);
    expect(indexes(log.slice(1, 5, 3 * ENTRY_OVERHEAD_BYTES))).toEqual([1, 2, 3]);
    expect(indexes(log.slice(3, 3, Infinity))).toEqual([]);
    expect(indexes(log.entriesFrom(5, Infinity))).toEqual([]);
  });

  test("slice() and term() name what was compacted", () => {
    const storage = new MemoryStorage();
    storage.append(entriesOf([1, 2, 3]));
    storage.compact(2);
    const log = new RaftLog(storage, 1_000, undefined);
    expect(log.slice(2, 4, Infinity)).toBe("compacted");
    expect([log.term(1), log.term(2), log.term(3), log.term(4)]).toEqual([
      "compacted",
      2,
      3,
      "unavailable",
    ]);
    expect(log).toMatchObject({ committed: 2, applied: 2, applying: 2 });
    expect(log.findConflictByTerm(2, 1)).toEqual({ index: 1, term: 0 });
  });

  test("maybeAppend() changes nothing before the first entry that differs", () => {
    const log = logOf([1, 1, 2], 0);
    expect(log.maybeAppend({ index: 2, term: 2 }, entriesOf([2], 3), 0)).toBeUndefined();
    expect(log.maybeAppend({ index: 1, term: 1 }, entriesOf([1], 2), 5)).toBe(2);
    expect(log).toMatchObject({ committed: 2 });
    expect(log.lastIndex()).toBe(3);
    expect(log.maybeAppend({ index: 2, term: 1 }, entriesOf([3], 3), 0)).toBe(3);
    expect(log.term(3)).toBe(3);
  });

  test("what is committed is never replaced", () => {
    const log = logOf([1, 1], 0);
    log.commitTo(2);
    expect(() => log.maybeAppend({ index: 1, term: 1 }, entriesOf([2], 2), 0)).toThrow(
      "never replaced",
    );
    expect(() => log.append(entriesOf([2], 2))).toThrow("behind what is committed");
    expect(() => log.commitTo(3)).toThrow("only when the log holds it");
    log.commitTo(1);
    expect(log.committed).toBe(2);
  });

  test("findConflictByTerm() finds the last place at which two logs may agree", () => {
    const log = logOf([1, 1, 4, 4], 0);
    expect(log.findConflictByTerm(4, 3)).toEqual({ index: 2, term: 1 });
    expect(log.findConflictByTerm(4, 5)).toEqual({ index: 4, term: 4 });
    expect(log.findConflictByTerm(4, 0)).toEqual({ index: 0, term: 0 });
  });

  test("isUpToDate() compares the last terms and then the lengths", () => {
    const log = logOf([1, 2], 0);
    expect(log.isUpToDate({ index: 1, term: 3 })).toBe(true);
    expect(log.isUpToDate({ index: 2, term: 2 })).toBe(true);
    expect(log.isUpToDate({ index: 1, term: 2 })).toBe(false);
    expect(log.isUpToDate({ index: 9, term: 1 })).toBe(false);
  });

  test("entries to apply are bounded by the bytes that are not applied yet", () => {
    const log = logOf([1, 1, 1, 1], 4, 2 * ENTRY_OVERHEAD_BYTES);
    log.commitTo(4);
    expect(indexes(log.nextCommittedEntries(false))).toEqual([1, 2]);
    log.acceptApplying(2, 2 * ENTRY_OVERHEAD_BYTES, false);
    expect(log.hasNextCommittedEntries(false)).toBe(false);
    expect(log.nextCommittedEntries(false)).toEqual([]);
    log.appliedTo(1, ENTRY_OVERHEAD_BYTES);
    expect(indexes(log.nextCommittedEntries(false))).toEqual([3]);
  });

  test("entries that are not durable are applied only where that is allowed", () => {
    const log = logOf([1, 1], 1);
    log.commitTo(2);
    expect(indexes(log.nextCommittedEntries(false))).toEqual([1]);
    expect(indexes(log.nextCommittedEntries(true))).toEqual([1, 2]);
  });

  test("nothing is applied while a snapshot is on its way to storage", () => {
    const log = logOf([1, 1], 2);
    log.restore({ index: 9, term: 2, confState: votersUpTo(1), data: NO_DATA });
    expect(log).toMatchObject({ committed: 9, applied: 0 });
    expect([log.firstIndex(), log.lastIndex()]).toEqual([10, 9]);
    expect(log.hasNextCommittedEntries(true)).toBe(false);
    expect(log.snapshot()).toMatchObject({ index: 9 });
    expect(() =>
      log.restore({ index: 9, term: 2, confState: votersUpTo(1), data: NO_DATA }),
    ).toThrow("never takes back");
  });

  test("applied only moves forward and never beyond committed", () => {
    const log = logOf([1, 1], 2);
    log.commitTo(1);
    expect(() => log.appliedTo(2, 0)).toThrow("applied only moves up");
    expect(() => log.acceptApplying(2, 0, true)).toThrow("only committed entries");
    log.appliedTo(1, 0);
    expect(() => log.appliedTo(0, 0)).toThrow("applied only moves up");
  });
});
