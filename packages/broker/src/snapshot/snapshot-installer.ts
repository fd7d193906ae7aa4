import { decodeSnapshotManifest, type HardState, type LogStore } from "@ropewalk/log";
import type { SnapshotManifest } from "@ropewalk/log";
import { RopewalkError } from "@ropewalk/protocol";
import type { KeyValueStore, Logger } from "@ropewalk/runtime";
import type { Message } from "raft-ts";
import type { Checkpointer } from "../checkpointer.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { RaftHost } from "../raft/raft-host.ts";
import { decodeStateImage, imageChanges } from "../raft/state-image.ts";
import type { AbsentReplica, ReplicaHome } from "./replica-home.ts";
import type { SegmentFetcher } from "./segment-fetcher.ts";
import type { Turns } from "./turns.ts";

/** What installing needs. */
export interface SnapshotInstallerOptions {
  readonly logger: Logger;
  readonly store: LogStore;
  readonly state: KeyValueStore;
  readonly checkpointer: Checkpointer;
  readonly host: RaftHost;
  readonly home: () => ReplicaHome;
  readonly fetcher: SegmentFetcher;
  /** Replicas that are being rebuilt. */
  readonly turns: Turns;
}

/** A group's history at another broker. */
export interface RemoteHistory {
  /** The broker that has the segments. */
  readonly brokerId: number;
  readonly manifest: SnapshotManifest;
  /** What the replica has promised, as of when it has the history. */
  readonly hardState: HardState;
}

/**
 * Replaces the log of a replica by the history of another broker. Meanwhile the replica is no part of Raft: it
 * is taken out, and one that is made of what is stored then takes its place, whatever came of it.
 */
export class SnapshotInstaller {
  readonly #options: SnapshotInstallerOptions;
  readonly #running = new Set<Promise<void>>();
  #isStopped = false;
  readonly counters = { installed: 0, failed: 0 };

  constructor(options: SnapshotInstallerOptions) {
    this.#options = options;
  }

  /**
   * Takes in a leader's snapshot that the replica's log lacks. Where there is no room or no turn for it now it
   * is dropped, as Raft tolerates: the leader sends another one.
   */
  receive(from: number, group: RaftGroup, message: Message): void {
    const { store, turns } = this.#options;
    if (this.#isStopped || store.isFull || !turns.tryTake()) return;
    const done = this.#takeIn(from, group, message)
      .catch((error: unknown) => this.#failed(group, error))
      .finally(() => {
        turns.giveBack();
        this.#running.delete(done);
      });
    this.#running.add(done);
  }

  /**
   * Makes a history the replica's own. Once that is durable in the log it is for good; the materialized state
   * follows, and would at the next start (`restoreImages`). Rejects where either is not so.
   */
  async install(absent: AbsentReplica, history: RemoteHistory): Promise<void> {
    const { checkpointer, fetcher, state, store } = this.#options;
    const { brokerId, hardState, manifest } = history;
    const image = decodeStateImage(manifest.image);
    await absent.settled;
    if (absent.isGone()) throw gone(absent);
    const fetch = fetcher.from(brokerId, absent.key);
    await store.installSnapshot(absent.log, manifest, hardState, fetch);
    if (absent.isGone()) throw gone(absent);
    const changes = imageChanges(state, absent.key, manifest.index, image);
    if (await checkpointer.commit(changes)) return;
    throw new RopewalkError(
      "STORAGE_ERROR",
      `Cannot take in the state of group ${absent.key.groupId}: it cannot be written`,
    );
  }

  /** Nothing begins any more; waits for what is under way, which its owner has interrupted. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  async #takeIn(from: number, group: RaftGroup, message: Message): Promise<void> {
    const { home, host, logger } = this.#options;
    const { key } = group;
    const manifest = manifestOf(message);
    const absent = home().takeOut(group);
    if (absent === undefined) return;
    try {
      await absent.settled;
      const { log } = absent;
      // A vote binds in its own term only.
      const { term, vote } = log.hardState;
      const hardState = {
        term: Math.max(term, message.term),
        vote: term >= message.term ? vote : 0,
        commit: manifest.index,
      };
      await this.install(absent, { brokerId: from, manifest, hardState });
      this.counters.installed += 1;
      logger.info("a snapshot took the place of a replica's log", { ...key, from, ...hardState });
    } catch (error) {
      this.#failed(group, error);
    }
    if (this.#isStopped) return;
    absent.reopen();
    // The node knows the snapshot as committed now, and says so to the leader, which goes on from there. Where
    // the installation failed it is not to hear of it: the leader sends another one.
    const isThere = host.group(key)?.lacks(message) === false;
    if (isThere) void host.receive(from, [{ group: key, message }]);
  }

  #failed(group: RaftGroup, error: unknown): void {
    if (this.#isStopped) return;
    this.counters.failed += 1;
    this.#options.logger.warn("a snapshot could not be taken in", { ...group.key, error });
  }
}

function manifestOf({ snapshot }: Message): SnapshotManifest {
  const manifest = decodeSnapshotManifest(snapshot?.data ?? new Uint8Array(0));
  if (manifest.index === snapshot?.index) return manifest;
  const message = `A snapshot as of entry ${snapshot?.index} holds the state as of ${manifest.index}`;
  throw new RopewalkError("CORRUPT_MESSAGE", message);
}

function gone({ key }: AbsentReplica): RopewalkError {
  const message = `Group ${key.groupId} was deleted`;
  return new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", message);
}
