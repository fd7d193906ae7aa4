import { GroupState } from "./group-state.ts";
import type { ScannedEntry } from "./journal-scan.ts";
import type { JournalPosition, RecordHeader } from "./journal-record.ts";
import { JournalUsage } from "./journal-usage.ts";
import { groupName } from "./log-entry.ts";
import { LogError } from "./log-error.ts";

/**
 * Rebuilds the groups from the journal's records, in order. Every record of a group has a number, so
 * a lost one shows with the next. After a gap that hides records, a group is in doubt until its next
 * record proves that none of them was its own; groups that stay in doubt are quarantined.
 */
export class Replay {
  readonly groups: Map<string, GroupState> = new Map();
  readonly usage: JournalUsage = new JournalUsage();
  readonly #inDoubt = new Map<string, string>();
  #damage: string | undefined;

  /** What hides records whose groups cannot be named; `undefined` where there is no such place. */
  get damage(): string | undefined {
    return this.#damage;
  }

  /**
   * A record whose header is sound; `entries` is `undefined` when its body is not. Answers what is
   * wrong with it, unless its group is in quarantine already.
   */
  apply(
    header: RecordHeader,
    entries: readonly ScannedEntry[] | undefined,
    sequence: number,
  ): string | undefined {
    if (header.kind === "mark") return undefined;
    const name = groupName(header.key);
    if (header.kind === "tombstone") {
      this.#delete(name, sequence);
      return undefined;
    }
    this.usage.addRecord(sequence, name);
    if (this.usage.isDeleted(name)) return undefined;
    const state = this.#stateOf(header, name);
    if (state.quarantined !== undefined) return undefined;
    const fault = faultOf(state, header, entries);
    if (fault !== undefined) {
      quarantine(state, `${fault} (file ${sequence}, position ${header.position})`);
      return fault;
    }
    this.#inDoubt.delete(name);
    replayRecord(state, header, entries ?? [], sequence);
    return undefined;
  }

  /** Bytes that were durable and are no records any more: whose they were is not known. */
  lose(start: JournalPosition, end: number): void {
    const where = `file ${start.sequence}, [${start.position}, ${end})`;
    this.#damage ??= where;
    this.usage.keepFile(start.sequence);
    for (const name of this.groups.keys()) this.#inDoubt.set(name, where);
  }

  /** Ends the replay: who is still in doubt cannot be trusted. */
  finish(): void {
    for (const [name, where] of this.#inDoubt) {
      const state = this.groups.get(name);
      if (state !== undefined && state.quarantined === undefined) {
        quarantine(state, `its last records may have been in a damaged place: ${where}`);
      }
    }
  }

  #stateOf(header: RecordHeader, name: string): GroupState {
    let state = this.groups.get(name);
    if (state === undefined) {
      state = new GroupState(header.key);
      this.groups.set(name, state);
    }
    return state;
  }

  #delete(name: string, sequence: number): void {
    this.usage.addTombstone(sequence, name);
    this.groups.delete(name);
    this.#inDoubt.delete(name);
  }
}

function replayRecord(
  state: GroupState,
  header: RecordHeader,
  entries: readonly ScannedEntry[],
  sequence: number,
): void {
  // An append at index i removes everything >= i, whatever was there before.
  if (entries.length > 0) state.truncate(header.firstIndex);
  for (const entry of entries) state.index.push({ ...entry, sequence });
  state.hardState = header.hardState;
  state.nextRecordNumber = header.recordNumber + 1;
}

function faultOf(
  state: GroupState,
  header: RecordHeader,
  entries: readonly ScannedEntry[] | undefined,
): string | undefined {
  const { recordNumber, firstIndex } = header;
  if (recordNumber !== state.nextRecordNumber) {
    return `its record ${state.nextRecordNumber} is missing before record ${recordNumber}`;
  }
  if (entries === undefined) return `record ${recordNumber} is not what was written`;
  const { lastIndex } = state.index;
  if (entries.length > 0 && (firstIndex < 1 || firstIndex > lastIndex + 1)) {
    return `record ${recordNumber} begins at index ${firstIndex} after index ${lastIndex}`;
  }
  let offset = entries.length === 0 ? 0 : state.index.offsetAfter(firstIndex - 1);
  for (const { coverage } of entries) {
    if (coverage === undefined) continue;
    if (coverage.baseOffset !== offset || coverage.recordCount < 1) {
      return `record ${recordNumber} holds a batch at offset ${coverage.baseOffset} after offset ${offset}`;
    }
    offset += coverage.recordCount;
  }
  return undefined;
}

/** Takes a group out of service: what is stored of it is not all that was written. */
export function quarantine(state: GroupState, why: string): void {
  state.isBroken = true;
  state.quarantined ??= new LogError(
    "DATA_DAMAGED",
    `Group ${state.name} cannot be recovered: ${why}`,
  );
}
