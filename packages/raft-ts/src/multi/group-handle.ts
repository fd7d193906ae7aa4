import type { ConfChange } from "../conf-change.ts";
import type { ConfState } from "../conf-state.ts";
import type { EntryType } from "../entry.ts";
import type { Message } from "../message.ts";
import type { ProposeOutcome } from "../proposal.ts";
import type { Role, Status } from "../status.ts";
import type { StepOutcome } from "../step-outcome.ts";
import type { GroupKey, GroupRoute } from "./group-key.ts";

/**
 * One group on this node. It does what RawNode does, and every call that makes the group do something
 * also wakes it and puts it in line for the next pass. Accessors do neither, and do not allocate.
 */
export interface GroupHandle<Owner> {
  readonly key: GroupKey;
  /** What the caller gave when it added the group: its own record of it. */
  readonly owner: Owner;
  /** Whether the group hibernates: it is not ticked, and its leader sends no heartbeats. */
  readonly isAsleep: boolean;

  readonly term: number;
  /** 0 = nobody known. */
  readonly leaderId: number;
  readonly role: Role;
  readonly committed: number;
  readonly applied: number;
  readonly lastIndex: number;
  readonly confState: ConfState;
  readonly transferTarget: number;
  readonly uncommittedBytes: number;
  /** What a message of this group to another node names. */
  routeTo(nodeId: number): GroupRoute;
  /** Whether what came from a node is for the replica that is here, and not of one that node has no more. */
  accepts(from: number, route: GroupRoute): boolean;
  termAt(index: number): number;
  /** A copy of everything the node knows. */
  status(): Status;

  /** Takes a message of another node, or a response that was attached to storage work. */
  step(message: Message): StepOutcome;
  propose(data: Uint8Array): ProposeOutcome;
  proposeBatch(batch: readonly Uint8Array[]): ProposeOutcome;
  proposeConfChange(change: ConfChange, entryType?: Exclude<EntryType, "normal">): ProposeOutcome;
  applyConfChange(change: ConfChange): ConfState;
  readIndex(context: number): StepOutcome;
  transferLeader(to: number): void;
  stepDown(): void;
  reportSnapshot(id: number, result: "finish" | "failure"): void;
  forgetProgress(id: number): void;
  entriesFetched(): void;
  learnersAdmitted(): void;
  endAbstention(): void;
  /** Asks for an election with the next tick that has room for one; dropped if a leader is known then. */
  campaign(): void;
  /** Wakes the group: it is ticked again until it falls asleep by itself. */
  wake(): void;
}
