import { allVoters, isVoter } from "./conf-state.ts";
import type { Entry, EntryId } from "./entry.ts";
import { CONTEXT_TRANSFER, createMessage } from "./message.ts";
import type { Message, MessageType } from "./message.ts";
import type { Raft } from "./raft.ts";
import { becomeCandidate, becomeFollower, becomePreCandidate } from "./role.ts";

/** Why a node campaigns; `transfer` was asked for by the leader and overrides its own lease. */
export type CampaignKind = "preElection" | "election" | "transfer";

/** Campaigns if this node may. */
export function startCampaign(raft: Raft, kind: CampaignKind): void {
  if (raft.role === "leader") {
    raft.onEvent?.({ kind: "campaignRefused", term: raft.term, reason: "alreadyLeader" });
    return;
  }
  if (!raft.isPromotable()) {
    raft.onEvent?.({ kind: "campaignRefused", term: raft.term, reason: "notPromotable" });
    return;
  }
  // A node that has not applied a committed change might count a majority of the wrong membership.
  if (hasUnappliedConfChange(raft)) {
    raft.onEvent?.({ kind: "campaignRefused", term: raft.term, reason: "confChangeNotApplied" });
    return;
  }
  raft.onEvent?.({ kind: "campaignStarted", term: raft.term });
  campaign(raft, kind);
}

/** Whether a committed entry that is not applied yet changes the membership, or might. */
function hasUnappliedConfChange(raft: Raft): boolean {
  const log = raft.log;
  let nextIndex = log.applied + 1;
  while (nextIndex <= log.committed) {
    const page = log.slice(nextIndex, log.committed + 1, raft.config.maxCommittedSizePerReady);
    // What cannot be read now cannot be ruled out; the next election timeout asks again.
    if (typeof page === "string") return true;
    for (const entry of page) if (entry.type !== "normal") return true;
    nextIndex = (page.at(-1) as Entry).index + 1;
  }
  return false;
}

/** Requests the votes of all voters, its own among them. */
export function campaign(raft: Raft, kind: CampaignKind): void {
  if (kind === "preElection") becomePreCandidate(raft);
  else becomeCandidate(raft);
  const type: MessageType = kind === "preElection" ? "MsgPreVote" : "MsgVote";
  const term = kind === "preElection" ? raft.term + 1 : raft.term;
  const last = raft.log.lastEntryId();
  for (const id of allVoters(raft.tracker.config)) {
    // The own vote counts only when it is durable, so it takes the way of everybody's.
    if (id === raft.id) raft.sendWithTerm(createMessage(responseType(type), id), term);
    else requestVote(raft, type, id, term, last, kind === "transfer");
  }
}

function requestVote(
  raft: Raft,
  type: MessageType,
  to: number,
  term: number,
  last: EntryId,
  isTransfer: boolean,
): void {
  raft.onEvent?.({ kind: "voteRequested", type, to, term: raft.term, last });
  const message = createMessage(type, to);
  message.index = last.index;
  message.logTerm = last.term;
  message.context = isTransfer ? CONTEXT_TRANSFER : 0;
  raft.sendWithTerm(message, term);
}

function responseType(type: MessageType): MessageType {
  return type === "MsgPreVote" ? "MsgPreVoteResp" : "MsgVoteResp";
}

/** Whether a live leader protects this node from the candidate that sent `message`. */
export function isProtectedByLease(raft: Raft, message: Message): boolean {
  if (message.context === CONTEXT_TRANSFER) return false;
  return (
    raft.config.checkQuorum &&
    raft.leaderId !== 0 &&
    raft.electionElapsed < raft.config.electionTick
  );
}

/** Notes a vote request that is not even answered. */
export function ignoreVoteRequest(raft: Raft, message: Message): void {
  raft.onEvent?.({
    kind: "voteIgnored",
    type: message.type,
    from: message.from,
    term: raft.term,
    vote: raft.vote,
    last: raft.log.lastEntryId(),
    candidateLast: { index: message.index, term: message.logTerm },
    leaseTicks: raft.config.electionTick - raft.electionElapsed,
  });
}

/**
 * Answers a request for a vote of the current term, or for a promise of one (§5.2, §5.4.1). Learners
 * answer too: the candidate may already know them as voters.
 */
export function handleVoteRequest(raft: Raft, message: Message): void {
  const isPreVote = message.type === "MsgPreVote";
  const mayVote =
    raft.vote === message.from ||
    (raft.vote === 0 && raft.leaderId === 0) ||
    (isPreVote && message.term > raft.term);
  const candidateLast = { index: message.index, term: message.logTerm };
  const granted = mayVote && !raft.abstains && raft.log.isUpToDate(candidateLast);
  reportVoteAnswer(raft, message, granted, candidateLast);
  if (!granted) {
    sendRejection(raft, message);
    return;
  }
  const response = createMessage(responseType(message.type), message.from);
  // The answer carries the term asked about: a promise for a term that has not begun is not "old".
  raft.sendWithTerm(response, message.term);
  if (isPreVote) return;
  raft.electionElapsed = 0;
  raft.vote = message.from;
}

/** Refuses a request of an earlier term, and so tells its sender the term it must catch up to. */
export function rejectOutdatedPreVote(raft: Raft, message: Message): void {
  const candidateLast = { index: message.index, term: message.logTerm };
  reportVoteAnswer(raft, message, false, candidateLast);
  sendRejection(raft, message);
}

/**
 * Refuses a vote. A node that knows itself not to be a voter adds the last entry it knows to be
 * committed: a leader that was removed and stepped down may hold a longer log than everybody else, and
 * be the only one to know that its removal is committed. It can neither lead nor grant its vote, so
 * without this word a group that still counts on it would be stuck.
 */
function sendRejection(raft: Raft, message: Message): void {
  const response = createMessage(responseType(message.type), message.from);
  response.reject = true;
  if (!isVoter(raft.tracker.config, raft.id)) {
    response.index = raft.log.committed;
    response.logTerm = raft.log.termOrZero(raft.log.committed);
    response.commit = raft.log.committed;
  }
  raft.send(response);
}

/**
 * Takes the commit index that a refused vote brought, if this log holds the very entry it names. What
 * is learned may change the membership, so a campaign under the old one ends.
 */
export function learnCommitFromVote(raft: Raft, message: Message): void {
  if (message.commit === 0 || message.logTerm === 0 || raft.role === "leader") return;
  const isNews = raft.log.maybeCommit(message.commit, message.logTerm);
  if (isNews && raft.role !== "follower" && hasUnappliedConfChange(raft)) {
    becomeFollower(raft, raft.term, 0);
  }
}

function reportVoteAnswer(
  raft: Raft,
  message: Message,
  granted: boolean,
  candidateLast: EntryId,
): void {
  raft.onEvent?.({
    kind: "voteAnswered",
    type: message.type,
    from: message.from,
    granted,
    term: raft.term,
    vote: raft.vote,
    last: raft.log.lastEntryId(),
    candidateLast,
  });
}
