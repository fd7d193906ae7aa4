import { type HardState, type LogStore, type SnapshotManifest } from "@ropewalk/log";
import { RopewalkError } from "@ropewalk/protocol";
import type { KeyValueChange, KeyValueStore } from "@ropewalk/runtime";
import { decodeStateImage, imageChanges } from "../raft/state-image.ts";
import type { AbsentReplica } from "./replica-home.ts";
import type { SegmentFetcher } from "./segment-fetcher.ts";

/** What installing needs. */
export interface HistoryInstallerOptions {
  readonly store: LogStore;
  readonly state: KeyValueStore;
  /** Writes changes to the state in one transaction, asked for just before; answers whether it has them. */
  readonly commit: (bring: () => readonly KeyValueChange[]) => Promise<boolean>;
  readonly fetcher: SegmentFetcher;
}

/** A group's history at another broker. */
export interface RemoteHistory {
  /** The broker that has the segments. */
  readonly brokerId: number;
  readonly manifest: SnapshotManifest;
  /** What the replica has promised, as of when it has the history. */
  readonly hardState: HardState;
}

/** Replaces the log of a replica that is out of Raft by the history of another broker. */
export class HistoryInstaller {
  readonly #options: HistoryInstallerOptions;

  constructor(options: HistoryInstallerOptions) {
    this.#options = options;
  }

  /**
   * Makes a history the replica's own. Once that is durable in the log it is for good; the materialized state
   * follows, and would at the next start (`restoreImages`). Rejects where either is not so.
   */
  async install(absent: AbsentReplica, history: RemoteHistory): Promise<void> {
    const { commit, fetcher, state, store } = this.#options;
    const { brokerId, hardState, manifest } = history;
    const image = decodeStateImage(manifest.image);
    await absent.settled;
    if (absent.isGone()) throw gone(absent);
    if (store.isFull) {
      throw new RopewalkError("BUSY", "Cannot take in another broker's history: the disk is full");
    }
    const fetch = fetcher.from(brokerId, absent.key);
    await store.installSnapshot(absent.log, manifest, hardState, fetch);
    if (absent.isGone()) throw gone(absent);
    // It may be gone when its turn comes: what was kept of it is forgotten then, and would not be a second time.
    const isWritten = await commit(() =>
      absent.isGone() ? [] : imageChanges(state, absent.log.key, manifest.index, image),
    );
    if (absent.isGone()) throw gone(absent);
    if (isWritten) return;
    throw new RopewalkError(
      "STORAGE_ERROR",
      `Cannot take in the state of group ${absent.key.groupId}: it cannot be written`,
    );
  }
}

function gone({ key }: AbsentReplica): RopewalkError {
  const message = `Group ${key.groupId} was deleted`;
  return new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", message);
}
