import assert from "node:assert/strict";
import { batchCoverage } from "./batch-coverage.ts";
import type { GroupState } from "./group-state.ts";
import type { LogEntry } from "./log-entry.ts";

/**
 * Asserts that entries continue a group's log, or replace its end, without a gap in indexes or offsets.
 * Messages are made where they are needed only: this runs for every write.
 */
export function assertAppendable(
  { name, index, isBroken }: GroupState,
  entries: readonly LogEntry[],
): void {
  if (isBroken) assert.fail(`group ${name} was recovered as quarantined`);
  const first = entries[0];
  if (first === undefined) return;
  if (first.index < index.firstIndex || first.index > index.lastIndex + 1) {
    assert.fail(`entry ${first.index} of group ${name}, whose log ends at ${index.lastIndex}`);
  }
  let offset = index.offsetAfter(first.index - 1);
  for (const [row, entry] of entries.entries()) {
    if (entry.index !== first.index + row) {
      assert.fail(`entry ${entry.index} after ${first.index + row - 1}`);
    }
    const coverage = batchCoverage(entry.type, entry.data);
    if (coverage === undefined) continue;
    const { baseOffset, recordCount } = coverage;
    if (baseOffset !== offset || recordCount <= 0) {
      assert.fail(
        `entry ${entry.index} of group ${name} begins at offset ${baseOffset}, not ${offset}`,
      );
    }
    offset += recordCount;
  }
}
