import type { PlantedBug } from "./planted-bug.ts";

/** Members that come and go, and what they are given. */
export const membershipBugs: readonly PlantedBug[] = [
  {
    name: "a joint membership commits with the new half alone",
    file: "raft-ts/src/quorum/joint.ts",
    find: "return Math.min(incoming, majorityCommittedIndex(config.votersOutgoing, acked));",
    put: "return incoming;",
  },
  {
    name: "a joint membership elects with the new half alone",
    file: "raft-ts/src/quorum/joint.ts",
    find: "if (incoming === outgoing) return incoming;",
    put: "if (incoming === outgoing || votes.size > 0) return incoming;",
  },
  {
    name: "learners count towards a commit",
    file: "raft-ts/src/tracker/progress-tracker.ts",
    find: "return jointCommittedIndex(this.#config, this);",
    put: "const { voters, learners } = this.#config;\n    return jointCommittedIndex({ ...this.#config, voters: [...voters, ...learners] }, this);",
  },
  {
    name: "replicas go before it is settled that they may",
    file: "broker/src/raft/member-step.ts",
    find: 'if (members.settledId === assignmentId) return { kind: "finished" };',
    put: 'if (members.settledId <= assignmentId) return { kind: "finished" };',
  },
  {
    name: "a leader with older metadata undoes a change of members",
    file: "broker/src/raft/member-step.ts",
    find: "if (members.assignmentId > assignmentId)",
    put: "if (members.assignmentId < 0)",
  },
  {
    name: "a replica votes before it has what made it a member",
    file: "broker/src/raft/raft-group.ts",
    find: "abstains: !this.hasJoined,",
    put: "abstains: false,",
  },
  {
    // That a snapshot takes the place of a log which has all of it shows nothing: whoever was told of what is thrown away with
    // it sends it again, as raft-ts says where it looks. What a replica has promised must not go with it.
    name: "a snapshot takes back a replica's term",
    file: "broker/src/snapshot/snapshot-installer.ts",
    find: "term: Math.max(term, message.term),",
    put: "term: message.term - 1,",
  },
  {
    name: "a snapshot is taken in without the state that it holds",
    file: "broker/src/snapshot/history-installer.ts",
    find: "if (await commit(changes)) return;",
    put: "if (image.pairs.length > 0) return;",
  },
  {
    name: "a snapshot makes a replica forget its vote",
    file: "broker/src/snapshot/snapshot-installer.ts",
    find: "vote: term >= message.term ? vote : 0,",
    put: "vote: 0,",
  },
  {
    name: "messages to a replica's predecessor count",
    file: "raft-ts/src/multi/group.ts",
    find: "return toReplica === this.#replicaOf(this.node.id) && fromReplica >= this.#replicaOf(from);",
    put: "return toReplica >= 0 && fromReplica >= 0 && from > 0;",
  },
];
