import { fileHeaderBytes } from "../journal/file-header.ts";
import type { GroupState } from "../group-state.ts";
import type { Replay } from "../journal/replay.ts";
import type {
  ExaminationObserver,
  FoundFile,
  JournalExamination,
} from "../journal/journal-examination.ts";
import { type JournalPosition, recordBytes, type RecordHeader } from "../journal/journal-record.ts";
import type { BodyFault } from "../journal/journal-scan.ts";
import { type GroupKey, groupName } from "../log-entry.ts";
import type {
  EntryInspection,
  FileInspection,
  LogFault,
  LogInspection,
  NamedPosition,
} from "./log-inspection.ts";

/** What was counted in one file. */
interface FileCounts {
  usedBytes: number;
  recordCount: number;
  tombstoneCount: number;
  markCount: number;
  entryCount: number;
  readonly groups: Set<string>;
}

/** What can be said of the journal alone. */
export type JournalInspection = Pick<
  LogInspection,
  "directoryId" | "files" | "durableTo" | "end" | "faults" | "entries"
>;

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

  /** What was met, with what the examination came to. */
  build(
    examination: JournalExamination,
    replay: Replay,
    entriesOf: GroupKey | undefined,
  ): JournalInspection {
    const { directoryId, floor, found, free, lastUsed, tail } = examination;
    const name = (sequence: number): string => found.get(sequence)?.name ?? `file ${sequence}`;
    const listed = entriesOf === undefined ? undefined : replay.groups.get(groupName(entriesOf));
    return {
      directoryId: Buffer.from(directoryId ?? []).toString("hex"),
      files: [
        ...free.map((file) => this.#file(file.file.sequence, file, 0)),
        ...[...found].map(([sequence, file]) => this.#file(sequence, file, lastUsed)),
      ],
      durableTo: floor.sequence === 0 ? undefined : named(floor, name),
      end: tail === undefined ? undefined : named(tail, name),
      faults: [
        ...[...found].filter(([sequence]) => sequence <= lastUsed).flatMap(headerFaults),
        ...this.#faults.map(({ sequence, ...fault }) => ({ file: name(sequence), ...fault })),
      ],
      entries: listed === undefined ? undefined : inspectEntries(listed, name),
    };
  }

  #file(sequence: number, file: FoundFile, lastUsed: number): FileInspection {
    const { groups, ...counts } = this.#countsOf(sequence);
    const { name, sizeBytes } = file;
    const state = sequence > lastUsed ? "prepared" : "written";
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

/** A damaged header costs nothing, but it shows that the disk is not to be trusted. */
function headerFaults([, { isHeaderSound, name }]: readonly [number, FoundFile]): LogFault[] {
  if (isHeaderSound) return [];
  const what = "the file's header is not what was written";
  const where = { file: name, position: 0, endPosition: fileHeaderBytes };
  return [{ ...where, group: undefined, index: undefined, what }];
}

function named(at: JournalPosition, name: (sequence: number) => string): NamedPosition {
  return { file: name(at.sequence), position: at.position };
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
