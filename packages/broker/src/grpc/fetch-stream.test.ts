import type { ServerDuplexStream } from "@grpc/grpc-js";
import {
  type FetchStreamRequest,
  type FetchStreamResponseInit,
  RopewalkError,
} from "@ropewalk/protocol";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { describe, expect, test } from "vitest";
import type { PartitionDirectory, PartitionLog, ReadResult } from "../ports.ts";
import { FetchStream } from "./fetch-stream.ts";
import { ScriptedCall } from "../../fakes/scripted-call.ts";

const { clock, logger } = nodeRuntime({ log: { level: "silent" } });
const batchBytes = 10;

/** A partition whose every record is a batch of ten bytes; some reads take a turn, as from disk. */
class ScriptedLog implements Partial<PartitionLog> {
  readonly topic = "t";
  readonly partition = 0;
  end = 0;
  /** Nothing is left of what lies before. */
  compactedTo = 0;
  reads = 0;
  failure: RopewalkError | undefined;
  readonly #waiters = new Set<() => void>();

  highWatermark(): number {
    return this.end;
  }

  startOffset(): number {
    return 0;
  }

  resolve(): number {
    return 0;
  }

  read(_principal: unknown, offset: number, bytesMax: number): ReadResult | Promise<ReadResult> {
    this.reads += 1;
    if (this.failure !== undefined) throw this.failure;
    if (offset < this.compactedTo) return { batches: [], nextOffset: this.compactedTo };
    const count = Math.min(this.end - offset, Math.max(1, Math.floor(bytesMax / batchBytes)));
    const batches = Array.from({ length: count }, () => new Uint8Array(batchBytes));
    const result = { batches, nextOffset: offset + count };
    return offset % 2 === 0 ? result : Promise.resolve(result);
  }

  awaitRecords(offset: number, listener: () => void): () => void {
    this.#waiters.add(listener);
    if (offset < this.end) clock.defer(() => this.grow(0));
    return () => this.#waiters.delete(listener);
  }

  grow(count: number): void {
    this.end += count;
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }

  get waiting(): number {
    return this.#waiters.size;
  }
}

function openStream(logs: Readonly<Record<number, ScriptedLog>>, subscriptionsMax = 10) {
  const call = new ScriptedCall<FetchStreamResponseInit>();
  const partitions: Partial<PartitionDirectory> = {
    leader: (_topic, partition) => {
      const log = logs[partition];
      if (log !== undefined) return log as unknown as PartitionLog;
      throw new RopewalkError("NOT_LEADER", "elsewhere", { leaderId: 2 });
    },
  };
  void new FetchStream(
    call as unknown as ServerDuplexStream<FetchStreamRequest, FetchStreamResponseInit>,
    {
      partitions: partitions as PartitionDirectory,
      clock,
      logger,
      bytesMax: 50,
      heartbeatMs: 1_000_000,
      subscriptionsMax,
      fetched: () => undefined,
    },
  );
  const send = (message: FetchStreamRequest["message"]): void =>
    void call.emit("data", { message });
  const of = (kind: string, id?: number) =>
    call.written
      .filter(({ message }) => message?.case === kind)
      .filter(({ subscriptionId }) => id === undefined || subscriptionId === id);
  return {
    call,
    of,
    subscribe: (subscriptionId: number, partition: number) => {
      const start = { at: { case: "offset", value: 0 } } as const;
      const value = { subscriptionId, topic: "t", partition, start, anyReplica: false };
      send({ case: "subscribe", value });
    },
    credit: (bytes: number) => send({ case: "credit", value: { bytes } }),
    unsubscribe: (subscriptionId: number) =>
      send({ case: "unsubscribe", value: { subscriptionId } }),
    bytesSent: () =>
      of("batches").reduce((sum, { message }) => {
        const pieces = message?.case === "batches" ? message.value.recordBatches : [];
        return sum + (Array.isArray(pieces) ? pieces.length * batchBytes : 0);
      }, 0),
  };
}

describe("FetchStream", () => {
  test("sends what there is, says that it is at the end, and goes on when more is committed", async () => {
    const log = new ScriptedLog();
    log.end = 7;
    const { bytesSent, credit, of, subscribe } = openStream({ 0: log });
    subscribe(1, 0);
    credit(1000);
    await expect.poll(() => of("heartbeat").length).toBe(1);
    expect(of("started")[0]?.message?.value).toEqual({
      startOffset: 0,
      highWatermark: 7,
      logStartOffset: 0,
    });
    expect(bytesSent()).toBe(70);
    log.grow(3);
    await expect.poll(bytesSent).toBe(100);
    await expect.poll(() => of("heartbeat").length).toBe(2);
  });

  test("passes over what was compacted away, once", async () => {
    const log = new ScriptedLog();
    log.end = 8;
    log.compactedTo = 8;
    const { credit, of, subscribe } = openStream({ 0: log });
    subscribe(1, 0);
    credit(1000);
    await expect.poll(() => of("heartbeat").length).toBe(1);
    for (let turn = 0; turn < 5; turn++) await new Promise<void>((next) => clock.defer(next));
    expect(of("heartbeat").map(({ message }) => message?.value)).toMatchObject([{ nextOffset: 8 }]);
    expect(log.reads).toBe(1);
    log.grow(1);
    await expect.poll(() => of("batches").length).toBe(1);
  });

  test("stops when the credit is used up, one message below zero at most", async () => {
    const log = new ScriptedLog();
    log.end = 100;
    const { bytesSent, credit, subscribe } = openStream({ 0: log });
    subscribe(1, 0);
    credit(120);
    await expect.poll(bytesSent).toBe(120);
    credit(5);
    await expect.poll(bytesSent).toBe(130);
    credit(15);
    await expect.poll(bytesSent).toBe(140);
  });

  test("lets subscriptions take turns", async () => {
    const [first, second] = [new ScriptedLog(), new ScriptedLog()];
    first.end = 1000;
    second.end = 1000;
    const { credit, of, subscribe } = openStream({ 0: first, 1: second });
    subscribe(1, 0);
    subscribe(2, 1);
    await expect.poll(() => of("started").length).toBe(2);
    credit(1000);
    await expect.poll(() => of("batches").length).toBeGreaterThanOrEqual(20);
    expect(Math.abs(of("batches", 1).length - of("batches", 2).length)).toBeLessThanOrEqual(2);
  });

  test("waits while the connection takes no more", async () => {
    const log = new ScriptedLog();
    log.end = 20;
    const { bytesSent, call, credit, of, subscribe } = openStream({ 0: log });
    call.takesMore = false;
    subscribe(1, 0);
    credit(1000);
    await expect.poll(() => of("started").length).toBe(1);
    await new Promise<void>((resolve) => clock.defer(() => clock.defer(resolve)));
    expect(bytesSent()).toBe(0);
    call.takesMore = true;
    call.emit("drain");
    await expect.poll(bytesSent).toBe(200);
  });

  test("ends one subscription with its error and keeps the others", async () => {
    const [broken, whole] = [new ScriptedLog(), new ScriptedLog()];
    const { credit, of, subscribe } = openStream({ 0: broken, 1: whole });
    subscribe(1, 0);
    subscribe(2, 1);
    subscribe(3, 7);
    credit(1000);
    await expect.poll(() => of("heartbeat").length).toBe(2);
    broken.failure = new RopewalkError("NOT_LEADER", "not any more", { leaderId: 3 });
    broken.grow(1);
    await expect.poll(() => of("error", 1).length).toBe(1);
    expect(of("error", 3)[0]?.message?.value).toMatchObject({ code: "NOT_LEADER", leaderId: 2 });
    whole.grow(1);
    await expect.poll(() => of("batches", 2).length).toBe(1);
  });

  test("forgets a subscription that is taken back before its start is found", async () => {
    const log = new ScriptedLog();
    log.end = 5;
    const { call, credit, subscribe, unsubscribe } = openStream({ 0: log });
    subscribe(1, 0);
    unsubscribe(1);
    credit(1000);
    await new Promise<void>((resolve) => clock.defer(() => clock.defer(resolve)));
    expect(call.written).toEqual([]);
  });

  test("leaves nothing waiting when subscriptions or the client go", async () => {
    const [first, second] = [new ScriptedLog(), new ScriptedLog()];
    const { call, credit, subscribe, unsubscribe } = openStream({ 0: first, 1: second });
    subscribe(1, 0);
    subscribe(2, 1);
    credit(10);
    await expect.poll(() => first.waiting + second.waiting).toBe(2);
    unsubscribe(1);
    expect(first.waiting).toBe(0);
    call.emit("cancelled");
    expect(second.waiting).toBe(0);
  });

  test("refuses a subscription id that is in use and more subscriptions than it may have", async () => {
    const log = new ScriptedLog();
    const { of, subscribe } = openStream({ 0: log }, 2);
    subscribe(1, 0);
    await expect.poll(() => of("started").length).toBe(1);
    subscribe(2, 0);
    await expect.poll(() => of("started").length).toBe(2);
    subscribe(3, 0);
    await expect.poll(() => of("error", 3).length).toBe(1);
  });
});
