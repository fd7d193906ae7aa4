import type { LogEntry } from "@ropewalk/log";
import { decodeGroupCheckpoint, encodeGroupCheckpoint } from "@ropewalk/protocol/internal";
import type { KeyValueChange, KeyValueStore, Logger } from "@ropewalk/runtime";
import { keyAfterPrefix } from "../key-prefix.ts";
import { commandOf } from "../raft/command-entry.ts";
import type { StateImage } from "../raft/state-image.ts";
import type { Leadership, StateMachine } from "../raft/state-machine.ts";
import {
  type CommittedOffset,
  decodeGroupCommand,
  decodeMembership,
  decodeOffsets,
  encodeMembership,
  encodeOffsets,
} from "./group-codec.ts";
import { emptyMembership, type Membership } from "./group-membership.ts";

/** A consumer group: who is in it, and what it committed, by topic and partition. */
export interface GroupState {
  membership: Membership;
  readonly offsets: Map<string, CommittedOffset>;
}

/** What came of a command: it had its effect, or another one had changed what it was made of. */
export type GroupOutcome = "done" | "overtaken";

/** All keys of all these machines begin so. */
export const groupMachinePrefixes = "groups/";

/** All keys of the machine of one partition begin so; `raftGroupId` keeps those of different partitions apart. */
export function groupMachinePrefix(raftGroupId: number): string {
  return `${groupMachinePrefixes}${raftGroupId}/`;
}

/** Who is told of a change of leadership. */
export type LeadershipListener = (machine: GroupMachine, leadership: Leadership) => void;

/**
 * The state machine of one partition of the consumer groups' internal topic: the groups whose ids fall
 * on it. What it materializes is one key per group for its members and one for its offsets.
 */
export class GroupMachine implements StateMachine {
  readonly restoredIndex: number;
  readonly #prefix: string;
  readonly #logger: Logger;
  readonly #listener: LeadershipListener;
  readonly #groups = new Map<string, GroupState>();
  readonly #changedMembers = new Set<string>();
  readonly #changedOffsets = new Set<string>();
  #appliedIndex: number;
  #lastOutcome: GroupOutcome = "done";

  /** `raftGroupId` keeps the keys of different partitions apart. */
  constructor(
    raftGroupId: number,
    store: KeyValueStore,
    logger: Logger,
    listener: LeadershipListener,
  ) {
    this.#prefix = groupMachinePrefix(raftGroupId);
    this.#logger = logger;
    this.#listener = listener;
    this.restoredIndex = this.#restore(store);
    this.#appliedIndex = this.restoredIndex;
  }

  groups(): ReadonlyMap<string, GroupState> {
    return this.#groups;
  }

  /** What came of the command that was applied last. */
  get lastOutcome(): GroupOutcome {
    return this.#lastOutcome;
  }

  group(groupId: string): GroupState | undefined {
    return this.#groups.get(groupId);
  }

  apply(entry: LogEntry): void {
    this.#appliedIndex = entry.index;
    const bytes = commandOf(entry);
    if (bytes === undefined) return;
    const command = decodeGroupCommand(bytes);
    switch (command?.kind) {
      case undefined:
        this.#logger.warn("a group command of an unknown kind was passed over", {
          index: entry.index,
        });
        return;
      case "membershipChanged": {
        this.#lastOutcome = this.#changeMembership(command.membership);
        return;
      }
      case "offsetsCommitted": {
        this.#lastOutcome = "done";
        const { offsets } = this.#state(command.groupId);
        for (const offset of command.offsets) offsets.set(offsetKey(offset), offset);
        this.#changedOffsets.add(command.groupId);
      }
    }
  }

  leadershipChanged(leadership: Leadership): void {
    this.#listener(this, leadership);
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  takeImage(): StateImage {
    const pairs: [string, Uint8Array][] = [];
    for (const [groupId, { membership, offsets }] of this.#groups) {
      pairs.push([`${this.#prefix}members/${groupId}`, encodeMembership(membership)]);
      pairs.push([`${this.#prefix}offsets/${groupId}`, encodeOffsets(offsets.values())]);
    }
    const applied = encodeGroupCheckpoint({ appliedIndex: this.#appliedIndex });
    pairs.push([`${this.#prefix}applied`, applied]);
    return { prefixes: [this.#prefix], pairs };
  }

  takeChanges(): readonly KeyValueChange[] {
    if (this.#changedMembers.size === 0 && this.#changedOffsets.size === 0) return [];
    const changes: KeyValueChange[] = [];
    for (const groupId of this.#changedMembers) {
      const value = encodeMembership(this.#state(groupId).membership);
      changes.push({ key: `${this.#prefix}members/${groupId}`, value });
    }
    for (const groupId of this.#changedOffsets) {
      const value = encodeOffsets(this.#state(groupId).offsets.values());
      changes.push({ key: `${this.#prefix}offsets/${groupId}`, value });
    }
    this.#changedMembers.clear();
    this.#changedOffsets.clear();
    const value = encodeGroupCheckpoint({ appliedIndex: this.#appliedIndex });
    changes.push({ key: `${this.#prefix}applied`, value });
    return changes;
  }

  /** A change that was not made of what is there would undo what others were promised. */
  #changeMembership(membership: Membership): GroupOutcome {
    const state = this.#state(membership.groupId);
    if (membership.epoch !== state.membership.epoch + 1) return "overtaken";
    state.membership = membership;
    this.#changedMembers.add(membership.groupId);
    return "done";
  }

  #state(groupId: string): GroupState {
    const known = this.#groups.get(groupId);
    if (known !== undefined) return known;
    const state = { membership: emptyMembership(groupId), offsets: new Map() };
    this.#groups.set(groupId, state);
    return state;
  }

  #restore(store: KeyValueStore): number {
    const applied = store.get(`${this.#prefix}applied`);
    if (applied === undefined) return 0;
    const membersPrefix = `${this.#prefix}members/`;
    for (const [, value] of store.range(membersPrefix, keyAfterPrefix(membersPrefix))) {
      const membership = decodeMembership(value);
      this.#state(membership.groupId).membership = membership;
    }
    const offsetsPrefix = `${this.#prefix}offsets/`;
    for (const [key, value] of store.range(offsetsPrefix, keyAfterPrefix(offsetsPrefix))) {
      const { offsets } = this.#state(key.slice(offsetsPrefix.length));
      for (const offset of decodeOffsets(value)) offsets.set(offsetKey(offset), offset);
    }
    return decodeGroupCheckpoint(applied).appliedIndex;
  }
}

/** Key of an offset within its group. */
function offsetKey({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic} ${partition}`; // Topic names hold no spaces.
}
