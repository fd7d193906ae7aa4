import type { PlantedBug } from "./planted-bug.ts";

/** Elections and replication. */
export const raftBugs: readonly PlantedBug[] = [
  {
    name: "one less than a majority commits",
    file: "raft-ts/src/quorum/majority.ts",
    find: "const majority = (count >> 1) + 1;",
    put: "const majority = count >> 1;",
  },
  {
    name: "one less than a majority elects",
    file: "raft-ts/src/quorum/majority.ts",
    find: "const majority = voters.length === 0 ? 0 : (voters.length >> 1) + 1;",
    put: "const majority = voters.length >> 1;",
  },
  {
    name: "a voter votes again in the same term",
    file: "raft-ts/src/election.ts",
    find: "(raft.vote === 0 && raft.leaderId === 0) ||",
    put: "raft.leaderId === 0 ||",
  },
  {
    name: "a start forgets the stored vote",
    file: "raft-ts/src/raft.ts",
    find: "this.vote = hardState.vote;",
    put: "this.vote = 0;",
  },
  {
    name: "a start forgets the stored term",
    file: "raft-ts/src/raft.ts",
    find: "this.term = hardState.term;",
    put: "this.term = Math.max(1, hardState.term - 1);",
  },
  {
    name: "a vote alone is no reason to write",
    file: "broker/src/raft/raft-group.ts",
    find: "const stateChanged = term !== 0 && (term !== this.#writtenTerm || vote !== this.#writtenVote);",
    put: "const stateChanged = term !== 0 && term !== this.#writtenTerm && vote === 0;",
  },
  {
    name: "a candidate with a shorter log is voted for",
    file: "raft-ts/src/raft-log.ts",
    find: "return last.term > own.term || (last.term === own.term && last.index >= own.index);",
    put: "return last.term >= own.term;",
  },
  {
    name: "any candidate is voted for, whatever its log",
    file: "raft-ts/src/election.ts",
    find: "mayVote && !raft.abstains && raft.log.isUpToDate(candidateLast)",
    put: "mayVote && !raft.abstains",
  },
  {
    name: "entries of earlier terms are committed by counting",
    file: "raft-ts/src/raft-log.ts",
    find: "if (index <= this.#committed || this.term(index) !== term) return false;",
    put: "if (index <= this.#committed || term < 0) return false;",
  },
  {
    name: "a follower takes entries without those before",
    file: "raft-ts/src/raft-log.ts",
    find: "    if (!this.matchesTerm(previous)) return undefined;\n",
    put: "    if (previous.index > this.lastIndex()) return undefined;\n",
  },
  {
    name: "an append cuts the log although nothing conflicts",
    file: "raft-ts/src/raft-log.ts",
    find: "if (this.matchesTerm(entry)) continue;",
    put: "if (entry.index <= this.#committed && this.matchesTerm(entry)) continue;",
  },
  {
    // To commit up to the log's end instead of what the append covers would show nothing: the first append of a leader
    // that a follower takes begins where their logs differ, at the latest with the leader's own first entry, and so cuts
    // off what is another leader's. Raft asks for it because nobody promises that an append is so.
    name: "an append commits what the log had before it",
    file: "raft-ts/src/raft-log.ts",
    find: "    const position = this.#findConflict(entries);\n",
    put: "    this.commitTo(Math.min(commit, this.lastIndex()));\n    const position = this.#findConflict(entries);\n",
  },
  {
    name: "a heartbeat's commit index is not bounded by what the follower has",
    file: "raft-ts/src/replication.ts",
    find: "message.commit = Math.min(peer.match, raft.log.committed);",
    put: "message.commit = raft.log.committed;",
  },
  {
    name: "a leader acknowledges its own entries before they are durable",
    file: "raft-ts/src/proposal.ts",
    find: "  raft.send(acknowledgement);",
    put: "  raft.send(acknowledgement);\n  raft.tracker.get(raft.id)?.maybeUpdate(index);",
  },
  {
    name: "a follower acknowledges entries before they are durable",
    file: "raft-ts/src/raft.ts",
    find: 'message.type === "MsgAppResp" ||',
    put: '(message.type === "MsgAppResp" && message.to === this.id) ||',
  },
  {
    name: "a vote leaves before it is durable",
    file: "raft-ts/src/raft.ts",
    find: 'message.type === "MsgVoteResp" ||',
    put: '(message.type === "MsgVoteResp" && message.to === this.id) ||',
  },
  {
    name: "messages of earlier terms count",
    file: "raft-ts/src/step.ts",
    find: "} else if (message.term < raft.term && message.term !== 0) {",
    put: '} else if (message.term < raft.term && message.term !== 0 && message.type !== "MsgApp" && message.type !== "MsgAppResp") {',
  },
];
