import type { LogEntry } from "@ropewalk/log";
import { ByteReader, ByteWriter } from "@ropewalk/protocol";
import type { KeyValueChange } from "@ropewalk/runtime";
import { type ConfChange, type ConfState, decodeConfChange } from "raft-ts";
import type { StateImage } from "./state-image.ts";
import type { Leadership, StateMachine } from "./state-machine.ts";

/*
 * Who belongs to a group, as of the last membership change that was applied: kept beside the log, and in the
 * group's images. "v" is an unsigned varint; a list is its length and its ids.
 *
 *   entry index v | assignment id v | settled id v | voters | outgoing voters | learners | learners-to-be | leaves by itself u8
 */

/** Who belongs to a group, and by whose word. */
export interface Members {
  /** The entry that made it so; 0: the group began so. */
  readonly index: number;
  /**
   * The newest assignment of the partition's replicas that any change so far was made for: the index of the
   * controller's entry. A leader that has not heard of it yet must not change anything.
   */
  readonly assignmentId: number;
  /**
   * The newest assignment whose members are settled: an entry behind the last change says so. A majority has that
   * entry, and with it, on disk, that the change is committed. Before that a voter of the new set may have forgotten it
   * when it starts again, and count on old ones.
   */
  readonly settledId: number;
  readonly confState: ConfState;
}

const prefix = "members/";

/** Where a group keeps who belongs to it. */
export function membersKey(groupId: number): string {
  return `${prefix}${groupId}`;
}

/** To bytes. */
export function encodeMembers({ assignmentId, confState, index, settledId }: Members): Uint8Array {
  const writer = new ByteWriter(64).uvarint(index).uvarint(assignmentId).uvarint(settledId);
  const { autoLeave, learners, learnersNext, voters, votersOutgoing } = confState;
  for (const ids of [voters, votersOutgoing, learners, learnersNext]) {
    writer.uvarint(ids.length);
    for (const id of ids) writer.uvarint(id);
  }
  return Uint8Array.from(writer.uint8(Number(autoLeave)).finish());
}

/** From bytes. Throws CORRUPT_MESSAGE where they are no members. */
export function decodeMembers(bytes: Uint8Array): Members {
  const reader = new ByteReader(bytes);
  const index = reader.uvarint();
  const assignmentId = reader.uvarint();
  const settledId = reader.uvarint();
  const ids = (): number[] => Array.from({ length: reader.uvarint() }, () => reader.uvarint());
  const [voters, votersOutgoing, learners, learnersNext] = [ids(), ids(), ids(), ids()];
  const autoLeave = reader.uint8() === 1;
  reader.expectEnd();
  return {
    index,
    assignmentId,
    settledId,
    confState: { voters, votersOutgoing, learners, learnersNext, autoLeave },
  };
}

/** A membership change names the assignment that it is made for: its `context`. */
export function assignmentContext(assignmentId: number): Uint8Array {
  return Uint8Array.from(new ByteWriter(8).uvarint(assignmentId).finish());
}

/** The assignment that the entry of a membership change was made for; 0 where it names none. */
export function assignmentOfEntry(entry: LogEntry): number {
  return assignmentOf(decodeConfChange(entry));
}

function assignmentOf({ context }: ConfChange): number {
  return context.length === 0 ? 0 : new ByteReader(context).uvarint();
}

/** Everybody who takes part: voters of either half, and learners. */
export function isMember({ learners, voters, votersOutgoing }: ConfState, id: number): boolean {
  return voters.includes(id) || votersOutgoing.includes(id) || learners.includes(id);
}

/** Voters of either half. */
export function isVoter({ voters, votersOutgoing }: ConfState, id: number): boolean {
  return voters.includes(id) || votersOutgoing.includes(id);
}

/** A group that begins with these voters. */
export function firstMembers(voters: readonly number[]): Members {
  const none = { votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false };
  return { index: 0, assignmentId: 0, settledId: 0, confState: { voters, ...none } };
}

/**
 * The state machine of a group whose members change: another machine, and beside it who belongs to the group. Both
 * are in every image. What is kept beside the log may know of later members than the machine's last checkpoint:
 * their change is then passed over when the log is applied again.
 */
export class MemberedMachine implements StateMachine {
  readonly #machine: StateMachine;
  readonly #key: string;
  #members: Members;
  #isChanged = false;

  /** `kept` is what was found beside the log; without it the group has the members that it began with. */
  constructor(
    machine: StateMachine,
    groupId: number,
    first: Members,
    kept: Uint8Array | undefined,
  ) {
    this.#machine = machine;
    this.#key = membersKey(groupId);
    this.#members = kept === undefined ? first : decodeMembers(kept);
  }

  get members(): Members {
    return this.#members;
  }

  /** Whether a membership change is in what was kept. */
  contains(entry: LogEntry): boolean {
    return entry.index <= this.#members.index;
  }

  /** A membership change was applied. */
  changed(entry: LogEntry, change: ConfChange, confState: ConfState): void {
    const assignmentId = Math.max(this.#members.assignmentId, assignmentOf(change));
    const settledId = isSettlement(change) ? assignmentId : this.#members.settledId;
    this.#members = { index: entry.index, assignmentId, settledId, confState };
    this.#isChanged = true;
  }

  get restoredIndex(): number {
    return this.#machine.restoredIndex;
  }

  get appliedIndex(): number {
    return this.#machine.appliedIndex;
  }

  apply(entry: LogEntry): void {
    this.#machine.apply(entry);
  }

  leadershipChanged(leadership: Leadership): void {
    this.#machine.leadershipChanged(leadership);
  }

  takeImage(): StateImage {
    const { pairs, prefixes } = this.#machine.takeImage();
    return { prefixes, pairs: [...pairs, [this.#key, this.#encoded()]] };
  }

  takeChanges(): readonly KeyValueChange[] {
    const changes = this.#machine.takeChanges();
    if (!this.#isChanged) return changes;
    this.#isChanged = false;
    return [...changes, { key: this.#key, value: this.#encoded() }];
  }

  #encoded(): Uint8Array {
    return encodeMembers(this.#members);
  }
}

/** The change that changes nobody and says that the members of an assignment are settled. */
export function settlement(assignmentId: number, brokerId: number): ConfChange {
  const changes = [{ type: "update", nodeId: brokerId } as const];
  return { transition: "auto", changes, context: assignmentContext(assignmentId) };
}

function isSettlement({ changes }: ConfChange): boolean {
  return changes.length === 1 && changes[0]?.type === "update";
}

/** The change that ends a joint configuration, by the word of an assignment. */
export function leaveJoint(assignmentId: number): ConfChange {
  return { transition: "auto", changes: [], context: assignmentContext(assignmentId) };
}
