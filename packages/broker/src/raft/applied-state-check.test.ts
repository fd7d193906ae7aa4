import { expect, test } from "vitest";
import { expectBehindLog } from "./applied-state-check.ts";

/** A log of the entries 10 to 20. */
const log = {
  key: { groupId: 7, incarnation: 1 },
  firstIndex: () => 10,
  lastIndex: () => 20,
};

test.each([9, 10, 15, 20])("expectBehindLog() takes what was applied up to %i", (restoredIndex) => {
  expect(() => expectBehindLog(log, { restoredIndex })).not.toThrow();
});

test.each([
  [8, "its log begins at 10, and there is no image of what led there"],
  [21, "its log ends at 20; entries were lost, so this broker must not vote"],
])("expectBehindLog() refuses what was applied up to %i", (restoredIndex, message) => {
  const check = (): void => expectBehindLog(log, { restoredIndex });
  expect(check).toThrow(message);
  expect(check).toThrow(expect.objectContaining({ code: "STORAGE_ERROR" }));
});
