import type { Entry } from "./entry.ts";
import { NO_ENTRIES } from "./entry.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * What a message asks or tells. Those of the first group stay inside a node, those of the second travel,
 * those of the third go to and come from the owner's storage when writes are asynchronous.
 */
export type MessageType =
  | "MsgHup"
  | "MsgBeat"
  | "MsgUnreachable"
  | "MsgSnapStatus"
  | "MsgCheckQuorum"
  | "MsgForgetLeader"
  // Between nodes.
  | "MsgProp"
  | "MsgApp"
  | "MsgAppResp"
  | "MsgVote"
  | "MsgVoteResp"
  | "MsgPreVote"
  | "MsgPreVoteResp"
  | "MsgSnap"
  | "MsgHeartbeat"
  | "MsgHeartbeatResp"
  | "MsgTransferLeader"
  | "MsgTimeoutNow"
  | "MsgReadIndex"
  | "MsgReadIndexResp"
  // Between a node and its storage.
  | "MsgStorageAppend"
  | "MsgStorageAppendResp"
  | "MsgStorageApply"
  | "MsgStorageApplyResp";

/** Target of messages that ask the owner to make entries and state durable. Never a node's id. */
export const APPEND_THREAD = -1;

/** Target of messages that ask the owner to apply committed entries. Never a node's id. */
export const APPLY_THREAD = -2;

/** {@link Message.context} of a vote request that a leader asked for, so that leases do not stop it. */
export const CONTEXT_TRANSFER = 1;

/**
 * One message. All kinds share one shape with every field present, so that the code which handles them
 * stays fast; fields that a kind does not use hold 0, false, undefined or the empty list.
 */
export interface Message {
  readonly type: MessageType;
  readonly to: number;
  readonly from: number;
  /** The sender's term; 0 for proposals, reads and messages that stay inside a node. */
  readonly term: number;
  /** Term of the entry at `index`; in a refused MsgAppResp the term at `rejectHint`. */
  readonly logTerm: number;
  readonly index: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
  readonly vote: number;
  readonly snapshot: Snapshot | undefined;
  readonly reject: boolean;
  /** In a refused MsgAppResp: the index up to which the logs may agree. */
  readonly rejectHint: number;
  /**
   * A number that comes back: the caller's context of a read request, the leader's sequence of a read in
   * heartbeats, {@link CONTEXT_TRANSFER} in vote requests. 0 = none.
   */
  readonly context: number;
  /** Messages to deliver when the work that this message asks for is done. */
  readonly responses: readonly Message[];
}

/** A message under construction; it is not changed after it was handed out. */
export type MessageDraft = { -readonly [Field in keyof Message]: Message[Field] };

/** The shared empty list of messages. */
export const NO_MESSAGES: readonly Message[] = [];

/** A message with every field at rest, to be filled in. The one place where messages are born. */
export function createMessage(type: MessageType, to: number): MessageDraft {
  return {
    type,
    to,
    from: 0,
    term: 0,
    logTerm: 0,
    index: 0,
    entries: NO_ENTRIES,
    commit: 0,
    vote: 0,
    snapshot: undefined,
    reject: false,
    rejectHint: 0,
    context: 0,
    responses: NO_MESSAGES,
  };
}

/** Whether `id` stands for the owner's storage and not for a node. */
export function isStorageThread(id: number): boolean {
  return id === APPEND_THREAD || id === APPLY_THREAD;
}

const LOCAL_TYPES: ReadonlySet<MessageType> = new Set<MessageType>([
  "MsgHup",
  "MsgBeat",
  "MsgUnreachable",
  "MsgSnapStatus",
  "MsgCheckQuorum",
  "MsgForgetLeader",
  "MsgStorageAppend",
  "MsgStorageAppendResp",
  "MsgStorageApply",
  "MsgStorageApplyResp",
]);

/** Whether a message of this type may never come from another node. */
export function isLocalType(type: MessageType): boolean {
  return LOCAL_TYPES.has(type);
}

const RESPONSE_TYPES: ReadonlySet<MessageType> = new Set<MessageType>([
  "MsgAppResp",
  "MsgVoteResp",
  "MsgPreVoteResp",
  "MsgHeartbeatResp",
  "MsgReadIndexResp",
  "MsgUnreachable",
  "MsgStorageAppendResp",
  "MsgStorageApplyResp",
]);

/** Whether a message of this type answers one, and so only makes sense from a member. */
export function isResponseType(type: MessageType): boolean {
  return RESPONSE_TYPES.has(type);
}
