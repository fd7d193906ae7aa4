import assert from "node:assert/strict";
import { batchCoverage } from "./batch-coverage.ts";
import type { GroupState } from "./group-state.ts";
import type { LogEntry } from "./log-entry.ts";

/** Asserts that entries continue a group's log, or replace its end, without a gap in indexes or offsets. */
export function assertAppendable(
  { name, index, isBroken }: GroupState,
  entries: readonly LogEntry[],
): void {
  assert(!isBroken, `group ${name} was recovered as quarantined`);
  const first = entries[0];
  if (first === undefined) return;
  assert(
    first.index >= index.firstIndex && first.index <= index.lastIndex + 1,
    `entry ${first.index} of group ${name}, whose log ends at ${index.lastIndex}`,
  );
  let offset = index.offsetAfter(first.index - 1);
  for (const [row, entry] of entries.entries()) {
    assert(
      entry.index === first.index + row,
      `entry ${entry.index} after ${first.index + row - 1}`,
    );
    const coverage = batchCoverage(entry.type, entry.data);
    if (coverage === undefined) continue;
    assert(
      coverage.baseOffset === offset && coverage.recordCount > 0,
      `entry ${entry.index} of group ${name} begins at offset ${coverage.baseOffset}, not ${offset}`,
    );
    offset += coverage.recordCount;
  }
}
