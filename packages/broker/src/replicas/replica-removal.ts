import type { GroupKey, LogStore } from "@ropewalk/log";
import type { KeyValueStore, Logger } from "@ropewalk/runtime";
import type { Checkpointer } from "../checkpointer.ts";
import { controllerGroupId, type MetadataImage } from "../controller/metadata-image.ts";
import { groupMachinePrefix } from "../group/group-machine.ts";
import { keyAfterPrefix } from "../key-prefix.ts";
import { membersKey } from "../raft/member-record.ts";
import { imageMarkKey } from "../raft/state-image.ts";

/** What removing needs. */
export interface ReplicaRemovalOptions {
  readonly logger: Logger;
  readonly store: LogStore;
  readonly state: KeyValueStore;
  readonly checkpointer: Checkpointer;
  readonly image: MetadataImage;
  /** The entry of the metadata's log that the image is as of. */
  readonly metadataIndex: () => number;
}

/** Where a data partition keeps its state beside the log. */
export function partitionKey(groupId: number): string {
  return `partition/${groupId}`;
}

/** Removes what is stored of replicas that the metadata does not want here (any more). */
export class ReplicaRemoval {
  readonly #options: ReplicaRemovalOptions;

  constructor(options: ReplicaRemovalOptions) {
    this.#options = options;
  }

  /**
   * The logs that are not `wanted`, by group. Only the metadata's word says so, never that a replica could not
   * be started. What the image has not heard of yet stays: groups with its next id or a later one, and
   * replicas that came by a later entry.
   */
  stale(wanted: ReadonlyMap<number, GroupKey>): GroupKey[] {
    const { image, metadataIndex, store } = this.#options;
    const stale: GroupKey[] = [];
    for (const { key, quarantined } of store.groups()) {
      const { groupId, incarnation } = key;
      if (groupId === controllerGroupId || groupId >= image.nextGroupId) continue;
      const other = wanted.get(groupId);
      if (other?.incarnation === incarnation || incarnation > metadataIndex()) continue;
      if (other === undefined && quarantined !== undefined) continue;
      stale.push(key);
    }
    return stale;
  }

  /** Removes logs that nothing was made of since the start; answers whether they are gone, as `deleteLogs` does. */
  removeStale(stale: readonly GroupKey[]): Promise<boolean> {
    const { checkpointer, logger } = this.#options;
    for (const key of stale) {
      const { groupId } = key;
      logger.info("removing the rest of a replica that is not here any more", { groupId });
      // What was kept of it must not be taken for that of a replica that came since.
      checkpointer.remove(undefined, this.keptKeys(key));
    }
    return this.deleteLogs(stale);
  }

  /** Everything that is kept of a group beside its log. */
  keptKeys(key: GroupKey): string[] {
    const { groupId } = key;
    const prefix = groupMachinePrefix(groupId);
    const ofGroups = [...this.#options.state.range(prefix, keyAfterPrefix(prefix))];
    return [
      partitionKey(groupId),
      membersKey(groupId),
      imageMarkKey(key),
      ...ofGroups.map(([each]) => each),
    ];
  }

  /**
   * The metadata that does not want the replicas must be there before the tombstones: a start in between would find
   * them wanted, and logs that are deleted for ever. Where it cannot be written, the next start removes them: `false`.
   */
  async deleteLogs(keys: readonly GroupKey[]): Promise<boolean> {
    const { checkpointer, store } = this.#options;
    if (keys.length === 0) return true;
    if (!(await checkpointer.flushSurely())) return false;
    for (const key of keys) if (store.group(key) !== undefined) await store.deleteGroup(key);
    return true;
  }
}
