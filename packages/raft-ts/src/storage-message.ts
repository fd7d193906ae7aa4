import type { Entry } from "./entry.ts";
import type { HardState } from "./hard-state.ts";
import { APPEND_THREAD, APPLY_THREAD, createMessage } from "./message.ts";
import type { Message } from "./message.ts";
import type { Raft } from "./raft.ts";
import type { Snapshot } from "./snapshot.ts";

/** What one Ready asks storage to make durable. */
export interface StorageWrite {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
}

/** Asks the owner to make `write` durable, or undefined when neither a write nor an answer is due. */
export function storageAppend(raft: Raft, write: StorageWrite): Message | undefined {
  const isEmpty =
    write.entries.length === 0 && write.hardState === undefined && write.snapshot === undefined;
  if (isEmpty && raft.messagesAfterAppend.length === 0) return undefined;
  const message = createMessage("MsgStorageAppend", APPEND_THREAD);
  message.from = raft.id;
  message.entries = write.entries;
  message.snapshot = write.snapshot;
  if (write.hardState !== undefined) {
    message.term = write.hardState.term;
    message.vote = write.hardState.vote;
    message.commit = write.hardState.commit;
  }
  const done = storageAppended(raft, write.snapshot);
  // The list is handed over: the node starts a new one with every Ready.
  const responses = raft.messagesAfterAppend;
  if (done !== undefined) responses.push(done);
  if (responses.length > 0) message.responses = responses;
  return message;
}

/**
 * Tells the node, once delivered, that its log end as of now is durable; undefined when the node does
 * not wait for anything.
 *
 * The whole unstable end is named and not just what this write carries, and the message carries the
 * current term. If it is delivered in a later term its entries do not count (see step.ts); a new term
 * always writes something, so a message of the new term follows and the unstable log drains.
 */
export function storageAppended(raft: Raft, snapshot: Snapshot | undefined): Message | undefined {
  const isUnstable = raft.log.unstable.count > 0;
  if (!isUnstable && snapshot === undefined) return undefined;
  const message = createMessage("MsgStorageAppendResp", raft.id);
  message.from = APPEND_THREAD;
  message.term = raft.term;
  if (isUnstable) {
    const last = raft.log.lastEntryId();
    message.index = last.index;
    message.logTerm = last.term;
  }
  message.snapshot = snapshot;
  return message;
}

/** Asks the owner to apply `entries`, or undefined when there are none. */
export function storageApply(raft: Raft, entries: readonly Entry[]): Message | undefined {
  const done = storageApplied(raft, entries);
  if (done === undefined) return undefined;
  const message = createMessage("MsgStorageApply", APPLY_THREAD);
  message.from = raft.id;
  message.entries = entries;
  message.responses = [done];
  return message;
}

/** Tells the node, once delivered, that `entries` are applied; undefined when there are none. */
export function storageApplied(raft: Raft, entries: readonly Entry[]): Message | undefined {
  if (entries.length === 0) return undefined;
  const message = createMessage("MsgStorageApplyResp", raft.id);
  message.from = APPLY_THREAD;
  message.entries = entries;
  return message;
}
