import { assert } from "./assert.ts";
import { createMessage } from "./message.ts";
import type { Message } from "./message.ts";
import type { Raft } from "./raft.ts";

/** Follower: takes an append of the leader of this term (§5.3). */
export function handleAppend(raft: Raft, message: Message): void {
  const first = message.entries[0];
  assert(first === undefined || first.index === message.index + 1, "an append leaves no gap");
  const response = createMessage("MsgAppResp", message.from);
  const log = raft.log;
  if (message.index < log.committed) {
    // A late append. Everything up to the commit index is known to be the leader's too.
    response.index = log.committed;
    raft.send(response);
    return;
  }
  const previous = { index: message.index, term: message.logTerm };
  const coveredIndex = log.maybeAppend(previous, message.entries, message.commit);
  if (coveredIndex !== undefined) {
    response.index = coveredIndex;
    raft.send(response);
    return;
  }
  raft.onEvent?.({
    kind: "appendRejected",
    from: message.from,
    previous,
    ownTerm: log.termOrZero(message.index),
  });
  // Where the logs may agree: the leader skips a whole term of ours per round instead of one entry.
  const hintIndex = Math.min(message.index, log.lastIndex());
  const hint = log.findConflictByTerm(hintIndex, message.logTerm);
  response.index = message.index;
  response.reject = true;
  response.rejectHint = hint.index;
  response.logTerm = hint.term;
  raft.send(response);
}

/** Follower: takes a sign of life and the commit index of the leader of this term. */
export function handleHeartbeat(raft: Raft, message: Message): void {
  if (!isForLostLog(raft, message.commit)) raft.log.commitTo(message.commit);
  const response = createMessage("MsgHeartbeatResp", message.from);
  response.context = message.context;
  raft.send(response);
}

/** Whether a commit index is what the log held before it was lost: the leader had not heard of that when it sent it. */
function isForLostLog({ config, log }: Raft, commit: number): boolean {
  const lastIndex = log.lastIndex();
  return commit > lastIndex && lastIndex < config.lostThroughIndex;
}
