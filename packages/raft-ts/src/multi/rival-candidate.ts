import type { Message } from "../message.ts";
import type { RawNode } from "../raw-node.ts";
import type { ResolvedOptions } from "./multi-config.ts";

/**
 * Whether a message is another candidate's who may win: this node knows of no leader, and the sender's log has all that its own
 * has (Raft, §5.4.1).
 */
export function isRival(node: RawNode, { index, logTerm, term, type }: Message): boolean {
  if (type !== "MsgPreVote" && type !== "MsgVote") return false;
  if (node.role === "leader" || node.leaderId !== 0 || term < node.term) return false;
  const lastTerm = node.termAt(node.lastIndex);
  return logTerm > lastTerm || (logTerm === lastTerm && index >= node.lastIndex);
}

/** What is known of a candidate that waits, in ticks of the node; 0: it has not happened. */
export interface WaitingCandidate {
  /** When a rival asked for this node's vote last. */
  readonly rivalTick: number;
  /** When it would have been its turn. */
  readonly turnTick: number;
}

/**
 * How much longer a candidate whose turn has come leaves the field to a rival. Two that campaign at once deprive each other of
 * votes, and nobody tries again before an election timeout has passed, which is what an election may cost that is slow
 * because there are many. So who was asked waits as long as who comes second does, in all no longer than a timeout.
 */
export function courtesyTicks(
  { electionJitterTicks, electionTicks }: ResolvedOptions,
  { rivalTick, turnTick }: WaitingCandidate,
  nowTick: number,
): number {
  if (rivalTick === 0) return 0;
  const endTick = Math.min(rivalTick + electionJitterTicks, turnTick + electionTicks);
  return Math.max(0, endTick - nowTick);
}
