import type { GroupKey, GroupLog, LogError, LogStore } from "@ropewalk/log";
import { RopewalkError } from "@ropewalk/protocol";
import { peerService } from "@ropewalk/protocol/internal";
import { isMember } from "../raft/member-record.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { RaftHost } from "../raft/raft-host.ts";
import type { RemoteCaller } from "../remote-caller.ts";
import { segmentPieceBytesMax } from "./segment-fetcher.ts";
import type { SnapshotExporter } from "./snapshot-exporter.ts";

/** What answering needs. */
export interface RepairSourceOptions {
  readonly store: LogStore;
  readonly host: RaftHost;
  readonly exporter: SnapshotExporter;
  /** The log of a group that has a replica here, whether that takes part in Raft or not. */
  readonly logOf: (key: GroupKey) => GroupLog | undefined;
  /** Stored bytes of a group turned out not to be what was written. */
  readonly damaged: (group: RaftGroup, error: LogError) => void;
}

/** Gives other brokers what their replicas lack: bytes of segments, and as leader the way back for damaged ones. */
export class RepairSource {
  readonly #options: RepairSourceOptions;

  constructor(options: RepairSourceOptions) {
    this.#options = options;
  }

  answerCalls(caller: RemoteCaller): void {
    caller.handle(peerService.readSegment, async ({ fileId, length, position, ...key }) => ({
      data: await this.#readSegment(key, fileId, position, length),
    }));
    caller.handle(peerService.repairReplica, (key, from) => this.#repair(key, from));
  }

  async #readSegment(
    key: GroupKey,
    fileId: number,
    position: number,
    length: number,
  ): Promise<Uint8Array> {
    const { host, exporter, logOf, store } = this.#options;
    const log = logOf(key);
    if (log === undefined) throw unknownGroup(key);
    if (length < 1 || length > segmentPieceBytesMax) {
      const message = `Cannot read ${length} bytes of a segment at once`;
      throw new RopewalkError("INVALID_REQUEST", message);
    }
    try {
      return await store.readSegment(log, fileId, position, length);
    } catch (error) {
      // Retention or compaction took the segment away: the next snapshot names others.
      const group = host.group(key);
      if (group !== undefined) exporter.forget(group);
      throw error;
    }
  }

  /**
   * The order is what makes it safe. First the leader stops counting what the replica had acknowledged. Then it
   * commits a fresh entry, by the others alone, since the replica takes no part: so it does lead, and
   * everything before is committed without the lost copies, also what was counted with their help
   * until now. What it then exports has all of that, and the replica that installs it can lose nothing.
   */
  async #repair(key: GroupKey, from: number): Promise<{ term: number; manifest: Uint8Array }> {
    const { host, exporter, logOf } = this.#options;
    const group = host.group(key);
    if (group === undefined)
      throw logOf(key) === undefined ? unknownGroup(key) : notLeading(key, 0);
    if (!isMember(group.confState, from)) {
      throw new RopewalkError(
        "INVALID_REQUEST",
        `Broker ${from} has no replica of group ${key.groupId}`,
      );
    }
    if (group.leadership.kind !== "leading") throw notLeading(key, group.leaderId);
    const { term } = group.leadership;
    group.forgetProgress(from);
    await commitFreshEntry(group);
    const snapshot = await exporter.export(group).catch((error: unknown) => {
      const { quarantined } = group.log;
      if (quarantined !== undefined) this.#options.damaged(group, quarantined);
      throw error;
    });
    if (group.leadership.kind !== "leading" || group.leadership.term !== term) {
      throw notLeading(key, group.leaderId);
    }
    return { term, manifest: snapshot.data };
  }
}

/** Resolves once an entry that was proposed just now is applied here. */
function commitFreshEntry(group: RaftGroup): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const lost = (): void => reject(notLeading(group.key, group.leaderId));
  const proposed = group.proposeBare(new Uint8Array(0), {
    committed: () => resolve(),
    failed: lost,
  });
  if (proposed.kind === "busy") {
    reject(new RopewalkError("BUSY", `Group ${group.key.groupId} has too much to commit`));
  } else if (proposed.kind === "notLeading") lost();
  return promise;
}

function notLeading({ groupId }: GroupKey, leaderId: number): RopewalkError {
  return new RopewalkError(
    "NOT_LEADER",
    `Cannot repair a replica of group ${groupId} from here: this broker does not lead it`,
    leaderId === 0 ? {} : { leaderId },
  );
}

function unknownGroup({ groupId }: GroupKey): RopewalkError {
  return new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", `Group ${groupId} is not on this broker`);
}
