/** One way to break the core, as a replacement of text that stands exactly once in its file. */
export interface Mutation {
  /** What the broken core does. */
  readonly name: string;
  /** Below src. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const voting: readonly Mutation[] = [
  {
    name: "the hard state handed out contains no vote",
    file: "published-state.ts",
    from: "return this.#hard;",
    to: "return { ...this.#hard, vote: 0 };",
  },
  {
    name: "a vote alone is no reason to write the hard state",
    file: "published-state.ts",
    from: "this.#raft.term !== this.#hard.term || this.#raft.vote !== this.#hard.vote;",
    to: "this.#raft.term !== this.#hard.term;",
  },
  {
    name: "a start forgets the stored vote",
    file: "raft.ts",
    from: "this.vote = hardState.vote;",
    to: "this.vote = 0;",
  },
  {
    name: "votes for a second candidate in one term",
    file: "election.ts",
    from: "(raft.vote === 0 && raft.leaderId === 0) ||",
    to: "raft.leaderId === 0 ||",
  },
  {
    name: "votes for a candidate whose log is stale",
    file: "election.ts",
    from: "mayVote && raft.log.isUpToDate(candidateLast)",
    to: "mayVote",
  },
  {
    name: "an own vote counts before it is durable",
    file: "election.ts",
    from: "if (id === raft.id) raft.sendWithTerm(createMessage(responseType(type), id), term);",
    to: "if (id === raft.id) raft.tracker.recordVote(id, true);",
  },
  {
    name: "a granted pre-vote carries the voter's term",
    file: "election.ts",
    from: "raft.sendWithTerm(response, message.term);",
    to: "raft.send(response);",
  },
  {
    name: "a pre-candidate raises its term",
    file: "role.ts",
    from: 'raft.role = "preCandidate";',
    to: 'raft.reset(raft.term + 1);\n  raft.role = "preCandidate";',
  },
  {
    name: "a live leader's lease does not stop a candidate",
    file: "election.ts",
    from: "raft.electionElapsed < raft.config.electionTick\n",
    to: "raft.electionElapsed < 0\n",
  },
  {
    name: "a leader that hears from no quorum goes on",
    file: "leader.ts",
    from: "if (!raft.tracker.quorumActive()) {",
    to: "if (raft.role !== raft.role) {",
  },
  {
    name: "campaigns while a committed membership change is not applied",
    file: "election.ts",
    from: "if (hasUnappliedConfChange(raft)) {\n    raft.onEvent",
    to: "if (raft.log.applied < 0) {\n    raft.onEvent",
  },
];

const replicating: readonly Mutation[] = [
  {
    name: "commits entries of earlier terms by counting",
    file: "raft-log.ts",
    from: "if (index <= this.#committed || this.term(index) !== term) return false;",
    to: "if (index <= this.#committed || term < 0) return false;",
  },
  {
    name: "an append cuts the log although nothing conflicts",
    file: "raft-log.ts",
    from: "if (this.matchesTerm(entry)) continue;",
    to: "if (entry.index <= this.#committed && this.matchesTerm(entry)) continue;",
  },
  {
    name: "an append commits beyond what it vouches for",
    file: "raft-log.ts",
    from: "this.commitTo(Math.min(commit, coveredIndex));",
    to: "this.commitTo(Math.min(commit, this.lastIndex()));",
  },
  {
    name: "a heartbeat's commit index is not bounded by match",
    file: "replication.ts",
    from: "message.commit = Math.min(peer.match, raft.log.committed);",
    to: "message.commit = raft.log.committed;",
  },
  {
    name: "a refusal takes next back to match or before",
    file: "tracker/progress.ts",
    from: "this.#setNext(Math.max(Math.min(rejectedIndex, hintIndex + 1), this.match + 1));",
    to: "this.#setNext(Math.max(Math.min(rejectedIndex, hintIndex + 1), 1));",
  },
  {
    name: "a leader acknowledges its own entries before they are durable",
    file: "proposal.ts",
    from: "  raft.send(acknowledgement);",
    to: "  raft.send(acknowledgement);\n  raft.tracker.get(raft.id)?.maybeUpdate(index);",
  },
  {
    name: "a follower acknowledges entries before they are durable",
    file: "raft.ts",
    from: 'message.type === "MsgAppResp" ||',
    to: '(message.type === "MsgAppResp" && message.to === this.id) ||',
  },
  {
    name: "durability reported for an earlier term counts (ABA)",
    file: "step.ts",
    from: "    handleOutdatedStorageAppend(raft, message);",
    to: "    handleStorageAppended(raft, message);",
  },
  {
    name: "durability is believed whatever the entry's term",
    file: "unstable.ts",
    from: "if (term !== stable.term) {",
    to: "if (term !== stable.term && stable.index < 0) {",
  },
  {
    name: "a snapshot older than the commit index is restored",
    file: "snapshot-handler.ts",
    from: "if (snapshot.index <= log.committed) return",
    to: "if (snapshot.index < 0) return",
  },
  {
    name: "a follower that lost a full window is not asked again",
    file: "leader.ts",
    from: "  peer.paused = false;\n  peer.fetchPending = false;\n  // If all",
    to: "  peer.fetchPending = false;\n  // If all",
  },
];

const membershipAndReads: readonly Mutation[] = [
  {
    name: "a joint membership commits with the new half alone",
    file: "quorum/joint.ts",
    from: "return Math.min(incoming, majorityCommittedIndex(config.votersOutgoing, acked));",
    to: "return incoming;",
  },
  {
    name: "a joint membership elects with the new half alone",
    file: "quorum/joint.ts",
    from: "if (incoming === outgoing) return incoming;",
    to: "if (incoming === outgoing || votes.size > 0) return incoming;",
  },
  {
    name: "learners count towards a commit",
    file: "tracker/progress-tracker.ts",
    from: "return jointCommittedIndex(this.#config, this);",
    to: "const { voters, learners } = this.#config;\n    return jointCommittedIndex({ ...this.#config, voters: [...voters, ...learners] }, this);",
  },
  {
    name: "a second membership change is accepted while one is not applied",
    file: "proposal.ts",
    from: "if (raft.pendingConfIndex > raft.log.applied) return",
    to: "if (raft.pendingConfIndex > Infinity) return",
  },
  {
    name: "a new leader accepts membership changes before it applied its log",
    file: "role.ts",
    from: "raft.pendingConfIndex = raft.log.lastIndex();",
    to: "raft.pendingConfIndex = 0;",
  },
  {
    name: "proposals are accepted while leadership is transferred",
    file: "proposal.ts",
    from: "if (raft.transferTarget !== 0) return",
    to: "if (raft.transferTarget < 0) return",
  },
  {
    name: "a transfer may go to a learner",
    file: "transfer.ts",
    from: "peer.isLearner || ",
    to: "",
  },
  {
    name: "a new leader confirms reads before it committed in its term",
    file: "read-index.ts",
    from: "if (raft.hasCommittedInTerm()) confirmRead(raft, request);",
    to: "if (raft.term > 0) confirmRead(raft, request);",
  },
  {
    name: "one heartbeat answer confirms a read",
    file: "read-only.ts",
    from: "const confirmed = jointCommittedIndex(config, this);",
    to: "const confirmed = config.voters.length > 0 ? Math.max(...this.#acked.values()) : 0;",
  },
];

/** Every known way to break the core. */
export const MUTATIONS: readonly Mutation[] = [...voting, ...replicating, ...membershipAndReads];
