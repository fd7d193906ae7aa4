import type { Entry, Message, RawNode } from "raft-ts";

/*
 * Where raft-ts means to differ from etcd/raft. This file is the whole list. What only looks different is
 * brought into one form; what acts differently is kept out of schedules, as narrowly as can be told.
 *
 * Brought into one form:
 *
 * - Refused votes of nodes that know themselves not to be voters carry a commit index (a removed leader
 *   may be the only one to know that its removal is committed). It is cut off before it is compared or
 *   delivered: `withoutVoteCommit`.
 * - The number of a read in heartbeats goes on over terms; etcd/raft begins each term with 1:
 *   `ReadSequences`.
 * - The caller's context of a read is a number; etcd/raft has bytes and carries them in an entry. The
 *   reference prints both as one number.
 * - A read that nobody can take answers "readDropped"; etcd/raft says nothing: `stepOutcome`.
 *
 * Kept out of schedules:
 *
 * - A read at the leader of a group with one voter before that leader has committed in its term:
 *   etcd/raft answers at once with a commit index that may be behind: `wouldReadTooEarly`.
 * - A leader that steps down while it holds reads back for its first commit: etcd/raft keeps them and
 *   asks for them again should it ever lead again. The node is restarted: `SubjectNode.keptReads`.
 * - A membership change applied by a leader while reads wait: raft-ts looks at once if the new membership
 *   confirms them, etcd/raft with the next heartbeat response: `wouldConfirmReads`.
 * - A snapshot that arrives while membership changes wait to be applied: etcd/raft would apply them to
 *   the membership of the snapshot, and so demands of its owner that this never happens:
 *   `wouldOvertakeConfChanges`.
 * - A membership change that does not fit the membership is without effect; etcd/raft panics. Schedules
 *   never remove or demote the voter `anchor`, so that it does not occur.
 * - Membership changes in groups that bound the uncommitted bytes: etcd/raft counts a change as pending
 *   even when the bound made it drop the proposal. Such schedules have none.
 * - Limits in bytes count an entry's overhead differently, so all payloads have one size and limits are
 *   not near a multiple of it.
 */

/** The message as etcd/raft would have sent it. */
export function withoutVoteCommit(message: Message): Message {
  const { type, reject } = message;
  if (message.responses.length > 0) {
    return { ...message, responses: message.responses.map(withoutVoteCommit) };
  }
  const isRefusal = reject && (type === "MsgVoteResp" || type === "MsgPreVoteResp");
  return isRefusal ? { ...message, index: 0, logTerm: 0, commit: 0 } : message;
}

/** Counts reads from 1 in every term of every leader. */
export class ReadSequences {
  /** The number before the first of a term, by leader and term. */
  readonly #bases = new Map<string, number>();

  /** `message` with the number etcd/raft would use. The answers attached to storage work carry none. */
  normalise(message: Message): Message {
    if (message.context === 0) return message;
    if (message.type === "MsgHeartbeat") return this.#rebase(message, message.from);
    if (message.type === "MsgHeartbeatResp") return this.#rebase(message, message.to);
    return message;
  }

  #rebase(message: Message, leader: number): Message {
    const key = `${leader} ${message.term}`;
    const base = this.#bases.get(key) ?? message.context - 1;
    this.#bases.set(key, base);
    return { ...message, context: message.context - base };
  }
}

/** An outcome as etcd/raft tells it. */
export function stepOutcome(outcome: string): string {
  return outcome === "done" || outcome === "readDropped" ? "ok" : outcome;
}

/** Whether a leader would take a read whose answer the two know at different times. */
export function wouldReadTooEarly(node: RawNode): boolean {
  const { voters, votersOutgoing } = node.confState;
  if (node.role !== "leader" || voters.length !== 1 || votersOutgoing.length > 0) return false;
  return voters[0] !== node.id || !hasCommittedInTerm(node);
}

/** Whether an entry of the current term is committed. */
export function hasCommittedInTerm(node: RawNode): boolean {
  return node.termAt(node.committed) === node.term;
}

/** What is asked of a node that has more than the core. */
interface WaitingNode {
  readonly hasOpenReads: boolean;
  nextApply(): readonly Entry[];
  hasConfChangesToApply(): boolean;
}

/** Whether applying what waits next could confirm reads. */
export function wouldConfirmReads(node: WaitingNode): boolean {
  return node.hasOpenReads && node.nextApply().some((entry) => entry.type !== "normal");
}

/** Whether `message` is a snapshot that `node` cannot take yet. */
export function wouldOvertakeConfChanges(node: WaitingNode, message: Message): boolean {
  return message.type === "MsgSnap" && node.hasConfChangesToApply();
}
