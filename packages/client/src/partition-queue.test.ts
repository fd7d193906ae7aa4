import { RopewalkError } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { batchesInFlightMax, PartitionQueue, type QueuedBatch } from "./partition-queue.ts";

const identity = { producerId: 7, producerEpoch: 0 };
const another = { producerId: 8, producerEpoch: 0 };

class TestBatch implements QueuedBatch {
  readonly name: string;
  readonly recordCount: number;
  readonly createdAtMs: number;
  order = -1;
  identity: { producerId: number; producerEpoch: number } | undefined;
  baseSequence = -1;
  mayBeInLog = false;

  constructor(name: string, createdAtMs = 0, recordCount = 10) {
    this.name = name;
    this.createdAtMs = createdAtMs;
    this.recordCount = recordCount;
  }
}

const notLeader = new RopewalkError("NOT_LEADER", "elsewhere");
const tooLarge = new RopewalkError("MESSAGE_TOO_LARGE", "too large");
const outOfOrder = new RopewalkError("OUT_OF_ORDER_SEQUENCE_NUMBER", "a hole");
const unknownOutcome = new RopewalkError("UNKNOWN_OUTCOME", "perhaps");

/** A queue whose identity the broker knows already, so that batches pipeline; sequences go on at 10. */
function pipelinedQueue(...batches: TestBatch[]): PartitionQueue<TestBatch> {
  const queue = new PartitionQueue<TestBatch>({ idempotent: true });
  queue.adoptIdentity(identity);
  queue.push(new TestBatch("first"));
  const first = queue.take();
  if (first !== undefined) queue.succeeded(first);
  for (const batch of batches) queue.push(batch);
  return queue;
}

function takeAll(queue: PartitionQueue<TestBatch>): TestBatch[] {
  const taken: TestBatch[] = [];
  for (let batch = queue.take(); batch !== undefined; batch = queue.take()) taken.push(batch);
  return taken;
}

function named(...names: string[]): TestBatch[] {
  return names.map((name) => new TestBatch(name));
}

const namesOf = (batches: TestBatch[]): string => batches.map((batch) => batch.name).join("");
const sequencesOf = (batches: TestBatch[]): number[] => batches.map((batch) => batch.baseSequence);

describe("PartitionQueue, in order", () => {
  test("PartitionQueue.take() gives nothing before there is an identity", () => {
    const queue = new PartitionQueue<TestBatch>({ idempotent: true });
    queue.push(new TestBatch("a"));
    expect(queue.needsIdentity).toBe(true);
    expect(queue.take()).toBeUndefined();
  });

  test("PartitionQueue.take() lets the first batch of an identity travel alone", () => {
    const queue = new PartitionQueue<TestBatch>({ idempotent: true });
    queue.adoptIdentity(identity);
    for (const batch of named("a", "b", "c")) queue.push(batch);
    const taken = takeAll(queue);
    expect(namesOf(taken)).toBe("a");
    for (const batch of taken) queue.succeeded(batch);
    expect(namesOf(takeAll(queue))).toBe("bc");
  });

  test("PartitionQueue.take() gives contiguous sequences and at most five batches at a time", () => {
    const queue = pipelinedQueue(...named("a", "b", "c", "d", "e", "f"));
    const taken = takeAll(queue);
    expect(taken.length).toBe(batchesInFlightMax);
    expect(sequencesOf(taken)).toEqual([10, 20, 30, 40, 50]);
    expect(queue.isHungry).toBe(false);
  });

  test("PartitionQueue without idempotence gives no sequences", () => {
    const queue = new PartitionQueue<TestBatch>({ idempotent: false });
    for (const batch of named("a", "b")) queue.push(batch);
    expect(sequencesOf(takeAll(queue))).toEqual([-1, -1]);
    expect(queue.needsIdentity).toBe(false);
  });
});

describe("PartitionQueue, resending", () => {
  test("PartitionQueue.take() waits for every answer after a failure, then resends in order with the same sequences", () => {
    const queue = pipelinedQueue(...named("a", "b", "c", "d"));
    const [a, b, c] = takeAll(queue).slice(0, 3) as [TestBatch, TestBatch, TestBatch];
    expect(queue.failed(a, notLeader)).toBe("resend");
    expect(queue.take()).toBeUndefined();
    expect(queue.failed(b, outOfOrder)).toBe("resend");
    queue.broken();
    const again = takeAll(queue);
    expect(namesOf(again)).toBe("abcd");
    expect(sequencesOf(again)).toEqual([10, 20, 30, 40]);
    expect([a.mayBeInLog, b.mayBeInLog, c.mayBeInLog]).toEqual([false, false, true]);
  });

  test("PartitionQueue.broken() puts batches back before those that still wait for their resend", () => {
    const queue = pipelinedQueue(...named("a", "b", "c"));
    takeAll(queue);
    queue.broken();
    queue.take();
    queue.broken();
    expect(namesOf(takeAll(queue))).toBe("abc");
  });

  test("PartitionQueue.take() sends nothing that would make the broker forget a batch that is resent", () => {
    const queue = pipelinedQueue(...named("a", "b", "c", "d", "e", "f", "g"));
    const [a, ...others] = takeAll(queue) as [TestBatch, ...TestBatch[]];
    queue.failed(a, unknownOutcome);
    for (const batch of others) queue.succeeded(batch);
    expect(namesOf(takeAll(queue))).toBe("a");
    expect(queue.failed(a, notLeader)).toBe("resend");
    expect(namesOf(takeAll(queue))).toBe("a");
    queue.succeeded(a);
    expect(namesOf(takeAll(queue))).toBe("fg");
  });

  test("PartitionQueue.failed() resends a batch whose outcome the broker does not know", () => {
    const queue = pipelinedQueue(...named("a"));
    const [a] = takeAll(queue) as [TestBatch];
    expect(queue.failed(a, unknownOutcome)).toBe("resend");
    expect(a.mayBeInLog).toBe(true);
  });
});

describe("PartitionQueue, failures for good", () => {
  test("PartitionQueue.failed() gives the sequence of a refused last batch to the next one", () => {
    const queue = pipelinedQueue(...named("a"));
    const [a] = takeAll(queue) as [TestBatch];
    expect(queue.failed(a, tooLarge)).toBe("final");
    queue.push(new TestBatch("b"));
    expect(sequencesOf(takeAll(queue))).toEqual([10]);
    expect(queue.needsIdentity).toBe(false);
  });

  test("PartitionQueue.failed() renumbers what was refused behind a hole, under a new identity", () => {
    const queue = pipelinedQueue(...named("a", "b", "c"));
    const [a, b, c] = takeAll(queue) as [TestBatch, TestBatch, TestBatch];
    queue.push(new TestBatch("d"));
    expect(queue.failed(a, tooLarge)).toBe("final");
    expect(queue.failed(b, outOfOrder)).toBe("renumber");
    expect(queue.needsIdentity).toBe(false);
    expect(queue.take()).toBeUndefined();
    expect(queue.failed(c, outOfOrder)).toBe("renumber");
    expect(queue.needsIdentity).toBe(true);
    queue.adoptIdentity(another);
    const alone = takeAll(queue);
    expect(namesOf(alone)).toBe("b");
    for (const batch of alone) queue.succeeded(batch);
    const rest = takeAll(queue);
    expect(namesOf(rest)).toBe("cd");
    expect(sequencesOf([...alone, ...rest])).toEqual([0, 10, 20]);
    expect(rest.every((batch) => batch.identity === another)).toBe(true);
  });

  test("PartitionQueue.failed() keeps resending under a spent identity until the broker has decided", () => {
    const queue = pipelinedQueue(...named("a", "b"));
    const [a, b] = takeAll(queue) as [TestBatch, TestBatch];
    queue.failed(a, tooLarge);
    queue.broken();
    const again = takeAll(queue);
    expect(namesOf(again)).toBe("b");
    expect(b.identity).toBe(identity);
    queue.succeeded(b);
    expect(queue.needsIdentity).toBe(true);
  });

  test("PartitionQueue.failed() gives up a batch that is out of order with nothing before it", () => {
    const queue = pipelinedQueue(...named("a", "b"));
    const [a, b] = takeAll(queue) as [TestBatch, TestBatch];
    expect(queue.failed(a, outOfOrder)).toBe("final");
    expect(queue.failed(b, outOfOrder)).toBe("renumber");
  });

  test("PartitionQueue.expire() spends the identity of a batch that may be in the log", () => {
    const queue = pipelinedQueue(new TestBatch("a", 100), new TestBatch("b", 200));
    takeAll(queue);
    const expired = queue.expire(150);
    expect(namesOf(expired)).toBe("a");
    expect(expired[0]?.mayBeInLog).toBe(true);
    queue.push(new TestBatch("c", 300));
    expect(queue.take()).toBeUndefined();
    expect(queue.batchCount).toBe(2);
  });

  test("PartitionQueue.expire() leaves no hole behind batches that were never sent", () => {
    const queue = pipelinedQueue(new TestBatch("a", 100));
    expect(namesOf(queue.expire(100))).toBe("a");
    queue.push(new TestBatch("b", 200));
    expect(sequencesOf(takeAll(queue))).toEqual([10]);
  });

  test("PartitionQueue.take() wraps sequences from 2^31 - 1 to 0", () => {
    const queue = pipelinedQueue(
      new TestBatch("a", 0, 2 ** 31 - 15),
      new TestBatch("b"),
      new TestBatch("c"),
    );
    expect(sequencesOf(takeAll(queue))).toEqual([10, 2 ** 31 - 5, 5]);
  });
});
