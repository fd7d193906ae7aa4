import { decodeSnapshotManifest, type LogStore } from "@ropewalk/log";
import type { SnapshotManifest } from "@ropewalk/log";
import { RopewalkError } from "@ropewalk/protocol";
import type { Logger } from "@ropewalk/runtime";
import type { Message } from "raft-ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { GroupMessage, RaftHost } from "../raft/raft-host.ts";
import type { HistoryInstaller } from "./history-installer.ts";
import type { ReplicaHome } from "./replica-home.ts";
import type { Turns } from "../turns.ts";

/** What installing needs. */
export interface SnapshotInstallerOptions {
  readonly logger: Logger;
  readonly store: LogStore;
  readonly host: RaftHost;
  readonly home: () => ReplicaHome;
  readonly histories: HistoryInstaller;
  /** Snapshots that are being taken in. */
  readonly turns: Turns;
}

/**
 * Takes in snapshots of leaders. Meanwhile the replica is no part of Raft: it is taken out, and one that is made
 * of what is stored then takes its place, whatever came of it.
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
  receive(from: number, group: RaftGroup, arrived: GroupMessage): void {
    const { store, turns } = this.#options;
    if (this.#isStopped || store.isFull || !turns.tryTake()) return;
    const done = this.#takeIn(from, group, arrived)
      .catch((error: unknown) => this.#failed(group, error))
      .finally(() => {
        turns.giveBack();
        this.#running.delete(done);
      });
    this.#running.add(done);
  }

  /** Nothing begins any more; waits for what is under way, which its owner has interrupted. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  async #takeIn(from: number, group: RaftGroup, arrived: GroupMessage): Promise<void> {
    const { histories, home, host, logger } = this.#options;
    const { key } = group;
    const { message } = arrived;
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
      await histories.install(absent, { brokerId: from, manifest, hardState });
      this.counters.installed += 1;
      logger.info("a snapshot took the place of a replica's log", { ...key, from, ...hardState });
    } catch (error) {
      this.#failed(group, error);
    }
    if (this.#isStopped) return;
    absent.reopen();
    // The node knows the snapshot as committed now, and says so to the leader, which goes on from there. Where
    // the installation failed it is not to hear of it: the leader sends another one. It comes as it came, for the replica
    // that it names.
    const isThere = host.group(key)?.lacks(message) === false;
    if (isThere) void host.receive(from, [arrived]);
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
