import { EntryIndex } from "./entry-index.ts";
import { emptyHardState, type GroupKey, groupName, type HardState } from "./log-entry.ts";
import type { LogError } from "./log-error.ts";
import type { ImageInfo } from "./image/image-file.ts";
import type { SegmentInfo } from "./segment/segment-info.ts";
import type { SnapshotManifest } from "./snapshot/snapshot-manifest.ts";
import type { CachedEntries } from "./tail-cache.ts";

/** More records than a journal's window ever holds of one group. */
const recordNumbersSkipped = 2 ** 30;

/** Everything the store knows of one group; `GroupLog` reads it, the store and recovery change it. */
export class GroupState {
  readonly key: GroupKey;
  /** The key as text. */
  readonly name: string;
  /** The entries in the journal. */
  readonly index: EntryIndex = new EntryIndex();
  readonly cached: CachedEntries = new Map();
  hardState: HardState = emptyHardState;
  /** Records before this one count no more: the checkpoint contains what they said. */
  firstRecordNumber = 0;
  /** The number of the group's next record in the journal. */
  nextRecordNumber = 0;
  /** Entries up to this one never change. */
  committedIndex = 0;
  /** The oldest history first; the last one is still written to, unless it is sealed. */
  segments: readonly SegmentInfo[] = [];
  /** The first entry that Raft may be sent: what is before was cut, compacted, or never here. */
  raftFirstIndex = 1;
  /** The first offset that may be read. Entries wholly before are not worth keeping. */
  startOffset = 0;
  /** Entries before this one are not worth keeping, whatever offsets they cover. */
  cutIndex = 1;
  /** The state machine as of some entry, on disk. */
  image: ImageInfo | undefined = undefined;
  /** When a segment is sealed and the next one begun. */
  segmentBytesMax: number | undefined = undefined;
  segmentMsMax: number | undefined = undefined;
  /** Why the group must not be used, where that is so. */
  quarantined: LogError | undefined = undefined;
  /** Whether records of the group are missing here, so that none may be added. A later read error is not that. */
  isBroken = false;
  /** Entries of the group that should move cannot be read: nothing of it moves, and the journal is not kept for it. */
  isStuck = false;
  isDeleted = false;
  /** Raised whenever entries are replaced: a read that began before may have met bytes of anybody. */
  replacements = 0;

  constructor(key: GroupKey) {
    this.key = key;
    this.name = groupName(key);
  }

  /** The first record whose entries are still needed, or the next one to come. */
  get neededRecordNumber(): number {
    const { firstIndex, lastIndex } = this.index;
    if (lastIndex < firstIndex) return this.nextRecordNumber;
    return this.index.recordNumber(firstIndex, this.nextRecordNumber);
  }

  /** The first journal file that holds an entry which is nowhere else; `undefined` where none does. */
  get oldestSequence(): number | undefined {
    const { firstIndex, lastIndex } = this.index;
    return lastIndex < firstIndex ? undefined : this.index.locate(firstIndex).sequence;
  }

  /**
   * The group has another history from here on. Its numbers go on far behind all that may be left of it in the
   * journal, also where damage hides how far that reaches.
   */
  replaceHistory(manifest: SnapshotManifest, hardState: HardState): void {
    const { index, endOffset, termRuns, segments } = manifest;
    this.replacements++;
    this.cached.clear();
    this.index.restart(index, endOffset, termRuns);
    this.hardState = hardState;
    this.committedIndex = index;
    this.segments = segments;
    this.raftFirstIndex = manifest.raftFirstIndex;
    this.startOffset = manifest.startOffset;
    this.cutIndex = 1;
    this.nextRecordNumber += recordNumbersSkipped;
    this.quarantined = undefined;
    this.isBroken = false;
    this.isStuck = false;
  }

  /** Removes every entry >= `index`. */
  truncate(index: number): void {
    if (index <= this.index.lastIndex) this.replacements++;
    for (let at = index; at <= this.index.lastIndex; at++) this.cached.delete(at);
    this.index.truncate(index);
  }
}
