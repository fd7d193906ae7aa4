import { assert } from "./assert.ts";
import type { ResolvedConfig } from "./config.ts";
import { restoreMembership } from "./confchange/restore.ts";
import type { RaftEventListener } from "./event.ts";
import type { Message, MessageDraft } from "./message.ts";
import { RaftLog } from "./raft-log.ts";
import type { ReadState } from "./read-only.ts";
import { ReadOnlyQueue } from "./read-only.ts";
import type { Role } from "./status.ts";
import { ProgressTracker } from "./tracker/progress-tracker.ts";

/**
 * The state of one node and the few things every part of the protocol does with it. What happens on a
 * message or a tick is said in the files named after it: step.ts leads to all of them.
 */
export class Raft {
  readonly id: number;
  readonly config: ResolvedConfig;
  readonly log: RaftLog;
  readonly tracker: ProgressTracker;
  readonly onEvent: RaftEventListener | undefined;
  readonly reads: ReadOnlyQueue;

  term = 0;
  vote = 0;
  leaderId = 0;
  role: Role = "follower";

  electionElapsed = 0;
  heartbeatElapsed = 0;
  randomizedElectionTimeout = 0;

  /** Leader: to whom leadership is being transferred; 0 = nobody. */
  transferTarget = 0;
  /** Leader: no membership change is accepted until this index is applied. */
  pendingConfIndex = 0;
  /** Leader: bytes of proposals that are in the log and not applied. */
  uncommittedBytes = 0;
  /** Leader: reads that wait for the first entry of the term to be committed. */
  heldReads: Message[] = [];

  /** Whether this node takes no part in elections (yet). */
  abstains: boolean;

  /** Indexes of membership changes that were handed out and are not applied, in order. */
  confChangesApplying: number[] = [];
  /** Index of the last snapshot that replaced the log. */
  restoredIndex = 0;
  /** The membership as of the applied index, while a snapshot has overtaken work that was handed out. */
  overtaken: ProgressTracker | undefined = undefined;

  /** Reads that may be served, for the next Ready. */
  readStates: ReadState[] = [];
  /** Messages for the next Ready that may leave at once. */
  messages: Message[] = [];
  /** Messages that must not leave before everything appended so far is durable. */
  messagesAfterAppend: Message[] = [];

  constructor(config: ResolvedConfig) {
    this.id = config.id;
    this.config = config;
    this.onEvent = config.onEvent;
    this.abstains = config.abstains;
    this.log = new RaftLog(config.storage, config.maxCommittedSizePerReady, config.onEvent);
    this.tracker = new ProgressTracker(config.maxInflightMsgs, config.maxInflightBytes);
    this.reads = new ReadOnlyQueue(config.id);
    const { hardState, confState } = config.storage.initialState();
    restoreMembership(this.tracker, this.log.lastIndex(), confState);
    this.onEvent?.({ kind: "membershipChanged", config: this.tracker.config });
    this.term = hardState.term;
    this.vote = hardState.vote;
    this.log.commitTo(hardState.commit);
    if (config.applied !== undefined && config.applied > 0) this.#startApplied(config.applied);
  }

  /** The applied index may have outlived a commit index that was never synced: what is applied is committed. */
  #startApplied(applied: number): void {
    const log = this.log;
    assert(applied <= log.lastIndex(), "config.applied lies within the log");
    log.commitTo(applied);
    log.appliedTo(Math.max(applied, log.applied), 0);
  }

  /** Whether this node may lead: a voter that does not abstain, nor wait for a snapshot to be stored. */
  isPromotable(): boolean {
    if (this.abstains) return false;
    const progress = this.tracker.get(this.id);
    return (
      progress !== undefined && !progress.isLearner && this.log.unstable.snapshot === undefined
    );
  }

  /** Whether an entry of the current term is committed: until then the commit index may be behind. */
  hasCommittedInTerm(): boolean {
    return this.log.term(this.log.committed) === this.term;
  }

  /**
   * Queues a message that carries this node's term. Votes carry a term of their own and forwarded
   * requests none; see {@link sendWithTerm}.
   */
  send(message: MessageDraft): void {
    this.sendWithTerm(message, this.term);
  }

  /** Queues a message. Promises about durable state wait until the state is durable. */
  sendWithTerm(message: MessageDraft, term: number): void {
    if (message.from === 0) message.from = this.id;
    message.term = term;
    if (
      message.type === "MsgAppResp" ||
      message.type === "MsgVoteResp" ||
      message.type === "MsgPreVoteResp"
    ) {
      this.messagesAfterAppend.push(message);
      return;
    }
    assert(message.to !== this.id, "a message that leaves at once is for somebody else");
    this.messages.push(message);
  }

  /** Begins a term, or a new role in the current one. */
  reset(term: number): void {
    assert(term >= this.term, "the term never goes back");
    if (term !== this.term) {
      this.term = term;
      this.vote = 0;
    }
    this.leaderId = 0;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    this.randomizeElectionTimeout();
    this.transferTarget = 0;
    this.tracker.resetVotes();
    this.#resetProgress();
    this.pendingConfIndex = 0;
    this.uncommittedBytes = 0;
    this.reads.clear();
    if (this.heldReads.length > 0) this.heldReads = [];
  }

  #resetProgress(): void {
    const lastIndex = this.log.lastIndex();
    for (const member of this.tracker.members) {
      member.reset(member.id === this.id ? lastIndex : 0, lastIndex + 1);
    }
  }

  /** Draws the time after which this node campaigns, so that two rarely do at once. */
  randomizeElectionTimeout(): void {
    const ticks = this.config.electionTick;
    this.randomizedElectionTimeout = ticks + this.config.random(ticks);
  }
}
