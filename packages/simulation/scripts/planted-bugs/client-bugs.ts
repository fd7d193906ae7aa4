import type { PlantedBug } from "./planted-bug.ts";

/** What producers and consumers make of what they are told. */
export const clientBugs: readonly PlantedBug[] = [
  {
    name: "the client tells an append that may have happened as one that did not",
    file: "client/src/partition-queue.ts",
    find: "    for (const batch of this.#inFlight) {\n      batch.mayBeInLog = true;",
    put: "    for (const batch of this.#inFlight) {",
  },
  {
    // The identity is another one each time because a batch is encoded anew only for another one.
    name: "a producer gives a batch whose fate is unknown a new sequence",
    file: "client/src/partition-queue.ts",
    find: "      batch.mayBeInLog = true;\n      insertInOrder(this.#again, batch);",
    put: "      batch.mayBeInLog = true;\n      batch.identity = undefined;\n      this.#identity = this.#identity && { ...this.#identity };\n      insertInOrder(this.#fresh, batch);",
  },
  {
    name: "a producer is told the offset of the batch for every record in it",
    file: "client/src/producer-batch.ts",
    find: "offset: baseOffset + index, duplicate",
    put: "offset: baseOffset, duplicate",
  },
  {
    name: "a consumer begins anew where its stream breaks",
    file: "client/src/partition-reader.ts",
    find: "return this.#receivedOffset === undefined ? this.#from : { offset: this.#receivedOffset };",
    put: "return this.#from;",
  },
  {
    name: "a consumer goes on at the end where its stream breaks",
    file: "client/src/partition-reader.ts",
    find: "return this.#receivedOffset === undefined ? this.#from : { offset: this.#receivedOffset };",
    put: "return this.#receivedOffset === undefined ? this.#from : { offset: this.highWatermark };",
  },
  {
    name: "a member commits what arrived, and not what it is done with",
    file: "client/src/partition-reader.ts",
    find: "  get passedOffset(): number | undefined {\n    return this.#passedOffset;",
    put: "  get passedOffset(): number | undefined {\n    return this.#receivedOffset;",
  },
  {
    name: "a timer is left when a consumer is closed",
    file: "client/src/fetcher.ts",
    find: "    this.#silenceTimer?.cancel();\n    for (const timer of this.#retryTimers.values()) timer.cancel();",
    put: "    for (const timer of this.#retryTimers.values()) timer.cancel();",
  },
];
