import { RopewalkError } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { seededRandom } from "../fakes/seeded-random.ts";
import {
  batchesInFlightMax,
  PartitionQueue,
  type ProducerIdentity,
  type QueuedBatch,
} from "./partition-queue.ts";

interface ModelBatch extends QueuedBatch {
  readonly name: number;
}

interface Written {
  readonly name: number;
  readonly producerId: number;
  readonly baseSequence: number;
  readonly recordCount: number;
}

type Answer = "written" | RopewalkError;

/** A partition as brokers keep it: the last five batches of every producer are known again. */
class ModelBroker {
  readonly log: Written[] = [];

  append({ name, identity, baseSequence, recordCount }: Readonly<ModelBatch>): Answer {
    const producerId = identity?.producerId ?? -1;
    const known = this.log
      .filter((one) => one.producerId === producerId)
      .slice(-batchesInFlightMax);
    if (known.some((one) => one.baseSequence === baseSequence && one.recordCount === recordCount))
      return "written";
    const last = known.at(-1);
    if (last !== undefined && last.baseSequence + last.recordCount !== baseSequence) {
      return new RopewalkError("OUT_OF_ORDER_SEQUENCE_NUMBER", `sequence ${baseSequence}`);
    }
    this.log.push({ name, producerId, baseSequence, recordCount });
    return "written";
  }
}

/** One run: a queue, a broker, and a network that loses connections, answers and patience. */
class Run {
  readonly #random: () => number;
  readonly #queue = new PartitionQueue<ModelBatch>({ idempotent: true });
  readonly #broker = new ModelBroker();
  // What is on its way to the broker, and what is on its way back.
  #outgoing: Readonly<ModelBatch>[] = [];
  #answers: { readonly name: number; readonly answer: Answer }[] = [];
  readonly #pending = new Map<number, ModelBatch>();
  readonly #acknowledged: number[] = [];
  readonly #refused: number[] = [];
  #names = 0;
  #producerIds = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  step(): void {
    const dice = this.#random();
    if (dice < 0.2) this.#push();
    else if (dice < 0.5) this.#send();
    else if (dice < 0.75) this.#deliver();
    else if (dice < 0.95) this.#answer();
    else if (dice < 0.99) this.#break();
    else this.#expire();
  }

  /** Lets everything come to its end without further trouble, then checks what must hold. */
  finish(): void {
    for (let round = 0; round < 100 && this.#pending.size > 0; round++) {
      this.#send();
      while (this.#outgoing.length > 0) this.#deliver(false);
      while (this.#answers.length > 0) this.#answer();
    }
    expect([...this.#pending.keys()]).toEqual([]);
    const names = this.#broker.log.map(({ name }) => name);
    expect(new Set(names).size, "a batch is in the log twice").toBe(names.length);
    expect(this.#acknowledged.filter((name) => !names.includes(name))).toEqual([]);
    expect(this.#refused.filter((name) => names.includes(name))).toEqual([]);
    expect(names, "the log is out of order").toEqual(names.toSorted((one, other) => one - other));
  }

  #push(): void {
    const batch: ModelBatch = {
      name: this.#names++,
      recordCount: 1 + Math.floor(this.#random() * 3),
      createdAtMs: this.#names,
      order: -1,
      identity: undefined,
      baseSequence: -1,
      mayBeInLog: false,
    };
    this.#pending.set(batch.name, batch);
    this.#queue.push(batch);
  }

  #send(): void {
    if (this.#queue.needsIdentity) this.#queue.adoptIdentity(this.#identity());
    for (let batch = this.#queue.take(); batch !== undefined; batch = this.#queue.take()) {
      this.#outgoing.push({ ...batch });
    }
  }

  #identity(): ProducerIdentity {
    return { producerId: ++this.#producerIds, producerEpoch: 0 };
  }

  #deliver(withTrouble = true): void {
    const batch = this.#outgoing.shift();
    if (batch === undefined) return;
    this.#answers.push({
      name: batch.name,
      answer: this.#handle(batch, withTrouble ? this.#random() : 1),
    });
  }

  #handle(batch: Readonly<ModelBatch>, dice: number): Answer {
    if (dice < 0.1) return new RopewalkError("BUSY", "by the test");
    if (dice < 0.13) return new RopewalkError("INVALID_RECORD", "by the test");
    const answer = this.#broker.append(batch);
    return dice < 0.2 && answer === "written"
      ? new RopewalkError("UNKNOWN_OUTCOME", "by the test")
      : answer;
  }

  #answer(): void {
    const next = this.#answers.shift();
    const batch = next === undefined ? undefined : this.#pending.get(next.name);
    if (next === undefined || batch === undefined) return;
    if (next.answer === "written") {
      this.#queue.succeeded(batch);
      this.#acknowledged.push(batch.name);
      this.#pending.delete(batch.name);
    } else if (this.#queue.failed(batch, next.answer) === "final") {
      if (!batch.mayBeInLog) this.#refused.push(batch.name);
      this.#pending.delete(batch.name);
    }
  }

  /** The connection breaks: a part of what was on its way arrives all the same, no answer comes back. */
  #break(): void {
    const arrived = Math.floor(this.#random() * (this.#outgoing.length + 1));
    for (let count = 0; count < arrived; count++) this.#deliver();
    this.#outgoing = [];
    this.#answers = [];
    this.#queue.broken();
  }

  /** The oldest batches run out of time; their connection goes with them. */
  #expire(): void {
    this.#break();
    for (const batch of this.#queue.expire(this.#names - 4)) {
      if (!batch.mayBeInLog) this.#refused.push(batch.name);
      this.#pending.delete(batch.name);
    }
  }
}

test("PartitionQueue writes no batch twice, none out of order, and tells no lies about any (300 seeds)", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const run = new Run(seededRandom(seed));
    try {
      for (let step = 0; step < 300; step++) run.step();
      run.finish();
    } catch (cause) {
      throw new Error(`failed with seed ${seed}: ${String(cause)}`, { cause });
    }
  }
});
