import { fileHeaderBytes } from "./file-header.ts";
import type { GroupState } from "./group-state.ts";
import type { ExaminationObserver, FoundFile, JournalExamination } from "./journal-examination.ts";
import { type JournalPosition, recordBytes, type RecordHeader } from "./journal-record.ts";
import type { BodyFault } from "./journal-scan.ts";
import { type GroupKey, groupName } from "./log-entry.ts";
import type {
  EntryInspection,
  FileInspection,
  GroupInspection,
  LogFault,
  LogInspection,
  NamedPosition,
} from "./log-inspection.ts";
import { nonZeroEnd, ScanWindow } from "./scan-window.ts";

/** What was counted in one file. */
interface FileCounts {
  usedBytes: number;
  recordCount: number;
  tombstoneCount: number;
  markCount: number;
  entryCount: number;
  readonly groups: Set<string>;
}

type UnnamedFault = Omit<LogFault, "file"> & { readonly sequence: number };

/** Listens to an examination, and turns what it met into an inspection. */
export class InspectionBuilder implements ExaminationObserver {
  readonly #counts = new Map<number, FileCounts>();
  readonly #faults: UnnamedFault[] = [];

  onRecord(
    sequence: number,
    header: RecordHeader,
    entries: readonly unknown[] | undefined,
    fault: BodyFault | undefined,
  ): void {
    const counts = this.#countsOf(sequence);
    const endPosition = header.position + recordBytes(header.bodyBytes);
    counts.usedBytes = endPosition;
    counts.recordCount++;
    counts.entryCount += entries?.length ?? 0;
    if (header.kind === "mark") counts.markCount++;
    else counts.groups.add(groupName(header.key));
    if (header.kind === "tombstone") counts.tombstoneCount++;
    if (fault === undefined) return;
    const { position } = header;
    const group = header.kind === "mark" ? undefined : groupName(header.key);
    this.#faults.push({ sequence, position, endPosition, group, ...fault });
  }

  onLoss({ sequence, position }: JournalPosition, endPosition: number, what: string): void {
    this.#faults.push({
      sequence,
      position,
      endPosition,
      group: undefined,
      index: undefined,
      what,
    });
  }

  /** What was met, with what the examination came to. Reads the torn end. */
  async build(
    examination: JournalExamination,
    entriesOf: GroupKey | undefined,
  ): Promise<Omit<LogInspection, "directory" | "unfinishedFiles">> {
    const { directoryId, floor, found, lastUsed, replay, tail } = examination;
    const name = (sequence: number): string => found.get(sequence)?.name ?? `file ${sequence}`;
    const listed = entriesOf === undefined ? undefined : replay.groups.get(groupName(entriesOf));
    this.#addUnusedDamage(examination);
    return {
      directoryId: Buffer.from(directoryId ?? []).toString("hex"),
      files: [...found].map(([sequence, file]) => this.#file(sequence, file, lastUsed)),
      groups: [...replay.groups.values()].map(inspectGroup),
      durableTo: floor.sequence === 0 ? undefined : named(floor, name),
      end: tail === undefined ? undefined : named(tail, name),
      tornBytes: tail === undefined ? 0 : await tornBytes(found, tail),
      faults: this.#faults.map(({ sequence, ...fault }) => ({ file: name(sequence), ...fault })),
      entries: listed === undefined ? undefined : inspectEntries(listed, name),
    };
  }

  // Behind the journal's end a broken header costs nobody a record; it is no less broken.
  #addUnusedDamage({ found, lastUsed }: JournalExamination): void {
    for (const [sequence, { isHeaderSound, sizeBytes }] of found) {
      if (sequence <= lastUsed || isHeaderSound) continue;
      this.onLoss(
        { sequence, position: 0 },
        sizeBytes,
        "the file's header is not what was written",
      );
    }
  }

  #file(sequence: number, file: FoundFile, lastUsed: number): FileInspection {
    const { groups, ...counts } = this.#countsOf(sequence);
    const { isHeaderSound, name, sizeBytes } = file;
    const soundState = sequence > lastUsed ? "prepared" : "written";
    const state = isHeaderSound ? soundState : "damaged";
    return { name, state, sizeBytes, groupCount: groups.size, ...counts };
  }

  #countsOf(sequence: number): FileCounts {
    let counts = this.#counts.get(sequence);
    if (counts === undefined) {
      counts = {
        usedBytes: fileHeaderBytes,
        recordCount: 0,
        tombstoneCount: 0,
        markCount: 0,
        entryCount: 0,
        groups: new Set(),
      };
      this.#counts.set(sequence, counts);
    }
    return counts;
  }
}

function named(at: JournalPosition, name: (sequence: number) => string): NamedPosition {
  return { file: name(at.sequence), position: at.position };
}

async function tornBytes(
  found: ReadonlyMap<number, FoundFile>,
  { sequence, position }: JournalPosition,
): Promise<number> {
  const file = found.get(sequence);
  if (file === undefined) return 0;
  return (await nonZeroEnd(new ScanWindow(file.file, file.sizeBytes), position)) - position;
}

function inspectGroup({ name, index, hardState, quarantined }: GroupState): GroupInspection {
  let batchCount = 0;
  let dataBytes = 0;
  for (let at = index.firstIndex; at <= index.lastIndex; at++) {
    if (index.coversRecords(at)) batchCount++;
    dataBytes += index.dataBytes(at);
  }
  return {
    group: name,
    hardState,
    firstIndex: index.firstIndex,
    lastIndex: index.lastIndex,
    startOffset: 0,
    endOffset: index.endOffset,
    batchCount,
    dataBytes,
    quarantined: quarantined?.message,
  };
}

function inspectEntries(
  { index }: GroupState,
  name: (sequence: number) => string,
): EntryInspection[] {
  const entries: EntryInspection[] = [];
  for (let at = index.firstIndex; at <= index.lastIndex; at++) {
    const { dataBytes, dataPosition: position, sequence } = index.locate(at);
    entries.push({
      index: at,
      term: index.term(at),
      type: index.type(at),
      file: name(sequence),
      position,
      dataBytes,
      baseOffset: index.offsetAfter(at - 1),
      endOffset: index.offsetAfter(at),
    });
  }
  return entries;
}
