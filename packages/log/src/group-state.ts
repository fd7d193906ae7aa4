import { EntryIndex } from "./entry-index.ts";
import { emptyHardState, type GroupKey, groupName, type HardState } from "./log-entry.ts";
import type { LogError } from "./log-error.ts";
import type { CachedEntries } from "./tail-cache.ts";

/** Everything the store knows of one group; `GroupLog` reads it, the store and recovery change it. */
export class GroupState {
  readonly key: GroupKey;
  /** The key as text. */
  readonly name: string;
  readonly index: EntryIndex = new EntryIndex();
  readonly cached: CachedEntries = new Map();
  hardState: HardState = emptyHardState;
  /** The number of the group's next record in the journal. */
  nextRecordNumber = 0;
  /** Why the group must not be used, where that is so. */
  quarantined: LogError | undefined = undefined;
  /** Whether records of the group are missing here, so that none may be added. A later read error is not that. */
  isBroken = false;
  isDeleted = false;

  constructor(key: GroupKey) {
    this.key = key;
    this.name = groupName(key);
  }

  /** Removes every entry >= `index`. */
  truncate(index: number): void {
    for (let at = index; at <= this.index.lastIndex; at++) this.cached.delete(at);
    this.index.truncate(index);
  }
}
