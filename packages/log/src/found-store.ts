import type { Disk, Logger } from "@ropewalk/runtime";
import type { Checkpoint, GroupRow } from "./checkpoint/checkpoint-codec.ts";
import {
  type CheckpointCopy,
  newestCheckpoint,
  readCheckpoints,
} from "./checkpoint/checkpoint-files.ts";
import { GroupState } from "./group-state.ts";
import { imageFileName } from "./image/image-file.ts";
import { fileHeaderBytes, sequenceOfFileName } from "./journal/file-header.ts";
import { quarantine, Replay, type ReplaySeed } from "./journal/replay.ts";
import { groupName } from "./log-entry.ts";
import { LogError } from "./log-error.ts";
import { ownerOfFileName, segmentFileName } from "./segment/segment-info.ts";

/** What a directory says before its journal is read. */
export interface FoundStore {
  readonly copies: readonly CheckpointCopy[];
  /** `undefined` in a new directory, or where it is lost. */
  readonly checkpoint: Checkpoint | undefined;
  readonly replay: Replay;
  readonly startSequence: number;
  readonly durableTo: { readonly sequence: number; readonly position: number };
  /** Segments and images that no checkpoint names. */
  readonly unnamedFiles: readonly string[];
  /** All segments and images. */
  readonly groupFiles: readonly string[];
  /** Ids of files from here on were given to nobody. */
  readonly nextFileId: number;
}

/**
 * Reads the newest checkpoint and looks for the files that it names. Rejects with FORMAT_UNSUPPORTED,
 * DIRECTORY_MISMATCH, or the disk's error.
 */
export async function findStore(
  disk: Disk,
  directory: string,
  directoryId: Uint8Array | undefined,
  logger: Logger,
): Promise<FoundStore> {
  const names = await disk.list(directory);
  const copies = await readCheckpoints(disk, directory);
  const checkpoint = newestCheckpoint(copies);
  if (checkpoint !== undefined) expectDirectory(directory, checkpoint, directoryId);
  const states = new Map<string, ReplaySeed>();
  const present = new Set(names);
  for (const row of checkpoint?.groups ?? []) {
    states.set(groupName(row.key), seedOf(row, present));
  }
  const replay = new Replay([...states.values()], damageOf(checkpoint));
  if (checkpoint === undefined && isOld(names, copies)) {
    logger.error("The checkpoint is lost; groups with history before the journal are quarantined.");
    loseCheckpoint(replay, names);
  }
  return {
    copies,
    checkpoint,
    replay,
    startSequence: checkpoint?.startSequence ?? firstSequence(names),
    durableTo: checkpoint?.durableTo ?? { sequence: 0, position: fileHeaderBytes },
    unnamedFiles: unnamedFiles(names, checkpoint),
    groupFiles: names.filter((name) => ownerOfFileName(name) !== undefined),
    nextFileId: nextFileId(names, checkpoint),
  };
}

function expectDirectory(
  directory: string,
  checkpoint: Checkpoint,
  expected: Uint8Array | undefined,
): void {
  if (expected === undefined || Buffer.compare(checkpoint.directoryId, expected) === 0) return;
  const hex = (id: Uint8Array): string => Buffer.from(id).toString("hex");
  throw new LogError(
    "DIRECTORY_MISMATCH",
    `Cannot open ${directory}: its checkpoint belongs to directory ${hex(checkpoint.directoryId)}, not ${hex(expected)}`,
  );
}

/**
 * Whether there must have been a checkpoint: only a directory whose first start was cut short has none. The very
 * first one, in slot 1, may be torn then; it says nothing that the journal does not say.
 */
function isOld(names: readonly string[], copies: readonly CheckpointCopy[]): boolean {
  const isSecondThere = copies.some(
    ({ name, state }) => state === "damaged" && name.startsWith("checkpoint-0"),
  );
  return isSecondThere || firstSequence(names) > 1 || names.some((n) => ownerOfFileName(n));
}

function firstSequence(names: readonly string[]): number {
  const sequences = names.flatMap((name) => sequenceOfFileName(name) ?? []);
  return Math.min(...sequences, Number.POSITIVE_INFINITY) === Number.POSITIVE_INFINITY
    ? 1
    : Math.min(...sequences);
}

function loseCheckpoint(replay: Replay, names: readonly string[]): void {
  replay.loseCheckpoint();
  for (const name of names) {
    const owner = ownerOfFileName(name);
    if (owner === undefined || replay.groups.has(groupName(owner.key))) continue;
    const state = new GroupState(owner.key);
    quarantine(state, "the checkpoint that says how much of its segments counts is lost");
    state.nextRecordNumber = 1; // It had records: the next checkpoint must say that it is there.
    replay.groups.set(state.name, state);
  }
}

function seedOf(row: GroupRow, names: ReadonlySet<string>): ReplaySeed {
  const state = new GroupState(row.key);
  state.index.restart(row.movedIndex, row.movedOffset, row.termRuns);
  state.hardState = row.hardState;
  state.committedIndex = row.hardState.commit;
  state.firstRecordNumber = row.firstRecordNumber;
  state.nextRecordNumber = row.firstRecordNumber;
  state.segments = row.segments;
  state.raftFirstIndex = row.raftFirstIndex;
  state.startOffset = row.startOffset;
  state.cutIndex = row.cutIndex;
  state.image = row.image;
  if (row.broken !== "") quarantine(state, row.broken);
  const lost = row.segments.find(({ fileId }) => !names.has(segmentFileName(row.key, fileId)));
  if (lost !== undefined) quarantine(state, `${segmentFileName(row.key, lost.fileId)} is gone`);
  // Without what led to its first entry the group cannot be applied anew.
  const image = row.image === undefined ? undefined : imageFileName(row.key, row.image.fileId);
  const isImageNeeded = image !== undefined && row.raftFirstIndex > 1;
  if (isImageNeeded && !names.has(image)) quarantine(state, `${image} is gone`);
  return { state, recordNumberAtCheckpoint: row.nextRecordNumber };
}

function unnamedFiles(
  names: readonly string[],
  checkpoint: Checkpoint | undefined,
): readonly string[] {
  const named = new Set<string>();
  for (const { image, key, segments } of checkpoint?.groups ?? []) {
    for (const { fileId } of segments) named.add(segmentFileName(key, fileId));
    if (image !== undefined) named.add(imageFileName(key, image.fileId));
  }
  return names.filter((name) => ownerOfFileName(name) !== undefined && !named.has(name));
}

function nextFileId(names: readonly string[], checkpoint: Checkpoint | undefined): number {
  let next = checkpoint?.nextFileId ?? 1;
  for (const name of names) next = Math.max(next, (ownerOfFileName(name)?.fileId ?? 0) + 1);
  return next;
}

function damageOf(checkpoint: Checkpoint | undefined): string | undefined {
  const damage = checkpoint?.damage ?? "";
  return damage === "" ? undefined : damage;
}
