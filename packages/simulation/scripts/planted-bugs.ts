/** A defect that a run must find: one piece of source in the place of another. */
export interface PlantedBug {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** Each is known from the history of some system, or is one line away from ours. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: "the journal is written and not synced",
    file: "log/src/journal/journal-file.ts",
    find: "    await this.#once(this.#file.datasync());\n    // The system",
    put: "    // The system",
  },
  {
    name: "a new journal file's name is not synced",
    file: "log/src/journal/journal-file.ts",
    find: "      await disk.syncDirectory(directory);",
    put: "",
  },
  {
    name: "a recycled journal file's name is not synced",
    file: "log/src/journal/journal-file.ts",
    find: "    await disk.syncDirectory(directory);\n    return",
    put: "    return",
  },
  {
    name: "segments are not synced before the checkpoint names them",
    file: "log/src/destage/destager.ts",
    find: "await atOnce(movesAtOnce, open, (move) => move.sync());",
    put: "",
  },
  {
    name: "names of segments are not synced before the checkpoint names them",
    file: "log/src/destage/destager.ts",
    find: "if (done.some(({ hasNewFiles }) => hasNewFiles)) await disk.syncDirectory(directory);",
    put: "",
  },
  {
    name: "the vote is not written",
    file: "log/src/journal/journal-record.ts",
    find: "writeUint64(head, 64, hardState.vote);",
    put: "writeUint64(head, 64, 0);",
  },
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
    name: "followers answer before the disk has it",
    file: "broker/src/raft/raft-group.ts",
    find: "output.afterDurable(this, message.responses)",
    put: "output.send(this, message.responses)",
  },
  {
    name: "a duplicate is written again",
    file: "broker/src/partition/partition-replica.ts",
    find: '      case "accept":\n        this.#propose(group, bytes, batch, acks, done);\n        return;\n      case "duplicate":',
    put: '      case "accept":\n      case "duplicate":\n        this.#propose(group, bytes, batch, acks, done);\n        return;\n      case "never" as "duplicate":',
  },
  {
    name: "producers' sequences are not kept over a start",
    file: "broker/src/partition/partition-replica.ts",
    find: "this.#producers.restore(options.checkpoint?.producers ?? []);",
    put: "",
  },
  {
    name: "sequences are not checked for gaps",
    file: "broker/src/partition/producer-table.ts",
    find: 'return batch.baseSequence === expected ? accept : { kind: "outOfOrder", expected };',
    put: 'return expected < 0 ? { kind: "outOfOrder", expected } : accept;',
  },
  {
    name: "the client tells an append that may have happened as one that did not",
    file: "client/src/produce-failure.ts",
    find: 'if (!batch.mayBeInLog || error.outcome === "indefinite") return error;',
    put: "return error;",
  },
];
