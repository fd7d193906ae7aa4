import type { PlantedBug } from "./planted-bug.ts";

/** What a broker answers, and what it remembers. */
export const brokerBugs: readonly PlantedBug[] = [
  {
    name: "followers answer before the disk has it",
    file: "broker/src/raft/raft-group.ts",
    find: "if (message.responses.length > 0) output.afterDurable(this, message.responses);",
    put: "const isOwn = ({ to }: Message): boolean => to === this.#brokerId;\n    for (const response of message.responses.filter((each) => !isOwn(each))) output.send(this, response);\n    output.afterDurable(this, message.responses.filter(isOwn));",
  },
  {
    name: "a record is acknowledged when its leader alone has it",
    file: "broker/src/partition/pending-append.ts",
    find: 'if (this.#acks === "leader") this.#succeed();',
    put: "this.#succeed();",
  },
  {
    name: "a leader serves before it has applied its log",
    file: "broker/src/raft/raft-group.ts",
    find: 'if (role === "leader" && appliedTerm === term) {',
    put: 'if (role === "leader") {',
  },
  {
    name: "consumers are given what is not committed",
    file: "broker/src/partition/partition-replica.ts",
    find: "    const highWatermark = this.#highWatermark;\n    if (offset === highWatermark)",
    put: "    const highWatermark = group.log.endOffset();\n    if (offset === highWatermark)",
  },
  {
    // Not to look at the term of the entry that was applied would show nothing: whoever is deposed abandons all proposals
    // before another leader's entry is applied.
    name: "what is on its way when a leader is deposed is acknowledged",
    file: "broker/src/raft/proposal-queue.ts",
    find: 'proposal?.listener.failed("unknown");',
    put: "proposal?.listener.committed(proposal.index);",
  },
  {
    name: "an entry whose fate is unknown is told as lost",
    file: "broker/src/raft/proposal-queue.ts",
    find: 'proposal?.listener.failed("unknown");',
    put: 'proposal?.listener.failed("lost");',
  },
  {
    name: "a new leader goes on with offsets that it gave before",
    file: "broker/src/raft/raft-group.ts",
    find: "this.#nextOffset = this.log.endOffset();",
    put: "this.#nextOffset = Math.max(this.#nextOffset, this.log.endOffset());",
  },
  {
    name: "a duplicate is written again",
    file: "broker/src/partition/partition-replica.ts",
    find: '      case "accept":\n        this.#propose(group, bytes, batch, acks, done);\n        return;\n      case "duplicate":',
    put: '      case "accept":\n      case "duplicate":\n        this.#propose(group, bytes, batch, acks, done);\n        return;\n      case "never" as "duplicate":',
  },
  {
    name: "a duplicate is acknowledged while the first one is on its way",
    file: "broker/src/partition/partition-replica.ts",
    find: "    if (nextOffset <= this.#highWatermark) {\n      done(",
    put: "    if (nextOffset >= 0) {\n      done(",
  },
  {
    name: "a duplicate is acknowledged at the offset of the next one",
    file: "broker/src/partition/producer-table.ts",
    find: "        baseOffset: written.baseOffset,\n",
    put: "        baseOffset: written.baseOffset + batch.recordCount,\n",
  },
  {
    name: "only the last batch of a producer is remembered",
    file: "broker/src/partition/producer-table.ts",
    find: "batches: [...earlier.slice(1 - batchesRememberedMax), written],",
    put: "batches: [written],",
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
    // To leave out the one `clear()` for a leader that is deposed would show nothing: the last of its appends is abandoned
    // just before, and clears the table, too.
    name: "what a leader had appended stays in its table of producers",
    file: "broker/src/partition/producer-table.ts",
    find: "    this.#producers.clear();\n",
    put: "",
  },
  {
    name: "a checkpoint names an entry that was not applied",
    file: "broker/src/partition/partition-replica.ts",
    find: "      appliedIndex: this.#appliedIndex,\n      startOffset",
    put: "      appliedIndex: this.#appliedIndex + 1,\n      startOffset",
  },
  {
    name: "a timer is left when a broker stops",
    file: "broker/src/partition/retention-checker.ts",
    find: "    this.#stopped = true;\n    this.#timer?.cancel();",
    put: "    this.#stopped = true;",
  },
  {
    name: "a batch that is not appended stays in the budget of producers",
    file: "broker/src/grpc/produce-stream.ts",
    find: "      this.#options.budget.release(bytes);\n      if (!(outcome instanceof RopewalkError)) this",
    put: "      if (!(outcome instanceof RopewalkError)) this.#options.budget.release(bytes);\n      if (!(outcome instanceof RopewalkError)) this",
  },
  {
    name: "messages to a peer that takes none are kept, however many they are",
    file: "broker/src/peer/outgoing-lane.ts",
    find: "if (queued > 0 && queued + bytes > config.queueBytesMax[this.#lane]) {",
    put: "if (queued < 0) {",
  },
];
