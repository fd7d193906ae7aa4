import type { ConfState } from "./conf-state.ts";
import type { Entry } from "./entry.ts";
import type { HardState } from "./hard-state.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * What a node reads of its log. The owner writes it; this package only reads.
 *
 * The log holds the entries [firstIndex(), lastIndex() + 1), which may be none: then lastIndex() is
 * firstIndex() - 1. What came before firstIndex() was compacted into a snapshot; only the term at
 * firstIndex() - 1 is still known. An untouched log has firstIndex() 1 and term(0) 0.
 *
 * The membership a group begins with is not an entry. Either every node that ever joins starts with
 * that same membership as of index 0, or the first members start from a snapshot (index 1 or more), so
 * that whoever joins gets one too. A node with an empty log and no membership needs the latter.
 *
 * What the owner must write, in this order, before the responses attached to a MsgStorageAppend (or the
 * messages of a Ready) leave:
 *
 * 1. the snapshot, if there is one: it replaces the whole log and membership up to its index;
 * 2. entries: the first one replaces everything from its index on, whatever was there;
 * 3. term, vote and commit.
 *
 * One Ready is one unit: after a crash all of it is there or none of it, and never a later one without
 * an earlier one. Term and vote may never be lost once a response left. A commit index may be lost
 * (it is learned again), and so may anything whose responses were not sent yet. The applied index must
 * be durable together with what was applied, and is handed back as `applied` at start. When a snapshot
 * is stored while older entries still wait to be applied, those are skipped: it contains them.
 */
export interface Storage {
  /** What was written last; read once, when the node starts. */
  initialState(): { readonly hardState: HardState; readonly confState: ConfState };
  /** Index of the first entry; one more than the last compacted one. */
  firstIndex(): number;
  /** Index of the last entry, or firstIndex() - 1 when there is none. */
  lastIndex(): number;
  /** The term of an entry, for indexes from firstIndex() - 1 to lastIndex(). */
  term(index: number): number | "compacted" | "unavailable";
  /**
   * The entries [startIndex, endIndex), or a leading part of them: at least one, then up to `bytesMax`.
   * The array and the entries are not changed afterwards by either side.
   *
   * "pending" means that they must come from disk first: the storage starts to read them by itself, and
   * the owner calls `rawNode.entriesFetched()` when they are at hand. The node asks again then.
   */
  entries(
    startIndex: number,
    endIndex: number,
    bytesMax: number,
  ): readonly Entry[] | "compacted" | "unavailable" | "pending";
  /**
   * A snapshot for a peer that lags behind the log, or "unavailable" while it is being made: the node asks
   * again later. A peer that joined is a member only of snapshots as of its joining or later and refuses
   * older ones, so take it as of the applied index. The node may ask in the middle of applyConfChange():
   * index and membership of the answer must belong together even then.
   */
  snapshot(): Snapshot | "unavailable";
}
