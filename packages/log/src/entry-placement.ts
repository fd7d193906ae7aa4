import { batchCoverage } from "./batch-coverage.ts";
import type { GroupState } from "./group-state.ts";
import type { HardState, LogEntry } from "./log-entry.ts";
import type { StoreParts } from "./store-parts.ts";

/**
 * Puts entries of a group, with its hard state, into one record of the journal's next flush, and says in the group's index
 * where they lie. What the log had from the first of them on is gone; reads see them at once.
 */
export function placeEntries(
  { cache, journal }: Pick<StoreParts, "cache" | "journal">,
  state: GroupState,
  entries: readonly LogEntry[],
  hardState: HardState,
): void {
  const { key, nextRecordNumber: recordNumber } = state;
  const placed = journal.place({ kind: "write", key, recordNumber, hardState, entries });
  state.hardState = hardState;
  state.nextRecordNumber++;
  if (entries[0] !== undefined) state.truncate(entries[0].index);
  const { dataCrcs, sequence } = placed;
  let { dataPosition } = placed;
  for (const [row, entry] of entries.entries()) {
    const { data, term, type } = entry;
    const dataCrc = dataCrcs[row] ?? 0;
    const coverage = batchCoverage(type, data);
    const dataBytes = data.length;
    state.index.push({
      sequence,
      dataPosition,
      dataBytes,
      dataCrc,
      term,
      type,
      coverage,
      recordNumber,
    });
    cache.add(state.cached, entry, journal.appendNumber);
    dataPosition += dataBytes;
  }
}
