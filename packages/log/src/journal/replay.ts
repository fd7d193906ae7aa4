import { GroupState } from "../group-state.ts";
import { groupName } from "../log-entry.ts";
import { LogError } from "../log-error.ts";
import type { JournalPosition, RecordHeader } from "./journal-record.ts";
import type { ScannedEntry } from "./journal-scan.ts";

/** A group as the checkpoint has it, and what replay must come to. */
export interface ReplaySeed {
  readonly state: GroupState;
  /** The group had this many records when the checkpoint was written: fewer, and some are lost. */
  readonly recordNumberAtCheckpoint: number;
}

/**
 * Rebuilds the groups from what the checkpoint says and the journal's records since, in order. Every
 * record of a group has a number, so a lost one shows with the next. After a gap that hides records, a
 * group is in doubt until its next record proves that none of them was its own; groups that stay in doubt
 * are quarantined.
 */
export class Replay {
  readonly groups: Map<string, GroupState> = new Map();
  /** Groups with a tombstone in the journal. */
  readonly deleted: Map<string, number> = new Map();
  readonly #seeds: readonly ReplaySeed[];
  readonly #inDoubt = new Map<string, string>();
  #damage: string | undefined;

  /** `damage` is what the checkpoint knows of lost records whose groups cannot be named. */
  constructor(seeds: readonly ReplaySeed[] = [], damage?: string) {
    this.#seeds = seeds;
    this.#damage = damage;
    for (const { state } of seeds) this.groups.set(state.name, state);
  }

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
    if (this.deleted.has(name)) return undefined;
    const state = this.#stateOf(header, name);
    if (header.recordNumber < state.firstRecordNumber) return undefined;
    if (state.isBroken) {
      // Its entries cannot be trusted, but what it voted must not be forgotten.
      if (header.recordNumber >= state.nextRecordNumber) takeHardState(state, header);
      return undefined;
    }
    const fault = faultOf(state, header, entries);
    if (fault !== undefined) {
      quarantine(state, `${fault} (file ${sequence}, position ${header.position})`);
      takeHardState(state, header);
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
    for (const name of this.groups.keys()) this.#inDoubt.set(name, where);
  }

  /** The checkpoint is lost: what was in it and not in the journal is known to nobody. */
  loseCheckpoint(): void {
    this.#damage ??= "the checkpoint";
  }

  /** Ends the replay: who is still in doubt, or has fewer records than there were, cannot be trusted. */
  finish(): void {
    for (const [name, where] of this.#inDoubt) {
      const state = this.groups.get(name);
      if (state === undefined || state.isBroken) continue;
      quarantine(state, `its last records may have been in a damaged place: ${where}`);
    }
    for (const { state, recordNumberAtCheckpoint } of this.#seeds) {
      if (state.isBroken || state.nextRecordNumber >= recordNumberAtCheckpoint) continue;
      quarantine(
        state,
        `its records end before ${state.nextRecordNumber}, but there were ${recordNumberAtCheckpoint}`,
      );
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
    this.deleted.set(name, sequence);
    this.groups.delete(name);
    this.#inDoubt.delete(name);
  }
}

function takeHardState(state: GroupState, { hardState, recordNumber }: RecordHeader): void {
  state.hardState = hardState;
  state.nextRecordNumber = recordNumber + 1;
}

function replayRecord(
  state: GroupState,
  header: RecordHeader,
  entries: readonly ScannedEntry[],
  sequence: number,
): void {
  // An append at index i removes everything >= i, whatever was there before. What has moved to segments
  // was committed, so the record repeats it at most.
  const { movedIndex } = state.index;
  if (entries.length > 0) state.truncate(Math.max(header.firstIndex, movedIndex + 1));
  const { firstIndex, recordNumber } = header;
  for (const [row, entry] of entries.entries()) {
    if (firstIndex + row > movedIndex) state.index.push({ ...entry, sequence, recordNumber });
  }
  state.hardState = header.hardState;
  state.nextRecordNumber = recordNumber + 1;
}

const gap = "is missing before record";

/** Whether a fault says that records of a group are gone, not that one is damaged. */
export function isGap(fault: string): boolean {
  return fault.includes(gap);
}

function faultOf(
  state: GroupState,
  header: RecordHeader,
  entries: readonly ScannedEntry[] | undefined,
): string | undefined {
  const { recordNumber, firstIndex } = header;
  if (recordNumber !== state.nextRecordNumber) {
    return `its record ${state.nextRecordNumber} ${gap} ${recordNumber}`;
  }
  if (entries === undefined) return `record ${recordNumber} is not what was written`;
  const { lastIndex, movedIndex } = state.index;
  if (entries.length > 0 && (firstIndex < 1 || firstIndex > lastIndex + 1)) {
    return `record ${recordNumber} begins at index ${firstIndex} after index ${lastIndex}`;
  }
  const newEntries = entries.slice(Math.max(0, movedIndex + 1 - firstIndex));
  if (newEntries.length === 0) return undefined;
  let offset = state.index.offsetAfter(Math.max(firstIndex - 1, movedIndex));
  for (const { coverage } of newEntries) {
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
