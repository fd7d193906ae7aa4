import { expect, test } from "vitest";
import { JournalUsage } from "./journal-usage.ts";

test("JournalUsage.removable() names files all of whose groups are deleted, but never the active one", () => {
  const usage = new JournalUsage();
  usage.addRecord(1, "a");
  usage.addRecord(2, "a");
  usage.addRecord(2, "b");
  usage.addRecord(3, "a");
  expect(usage.removable(3)).toEqual([]);
  usage.addTombstone(3, "a");
  expect(usage.removable(3)).toEqual([1]);
});

test("JournalUsage.removable() keeps a tombstone until the records it kills are durably gone", () => {
  const usage = new JournalUsage();
  usage.addRecord(1, "a");
  usage.addTombstone(2, "a");
  expect(usage.removable(9)).toEqual([1]);
  usage.removeFile(1);
  expect(usage.removable(9)).toEqual([2]);
  expect(usage.isDeleted("a")).toBe(true);
  usage.removeFile(2);
  expect(usage.isDeleted("a")).toBe(false);
});

test("JournalUsage.removable() keeps a file that damage hides records in", () => {
  const usage = new JournalUsage();
  usage.addFile(1);
  expect(usage.removable(9)).toEqual([1]);
  usage.keepFile(1);
  expect(usage.removable(9)).toEqual([]);
});
