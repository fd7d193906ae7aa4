import type { ServerDuplexStream } from "@grpc/grpc-js";
import {
  type ProduceAckInit,
  type ProduceStreamRequest,
  type ProduceStreamResponseInit,
  RopewalkError,
} from "@ropewalk/protocol";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { describe, expect, test } from "vitest";
import { ByteBudget } from "../byte-budget.ts";
import type { AppendCallback, PartitionDirectory, PartitionLog } from "../ports.ts";
import { ProduceStream } from "./produce-stream.ts";
import { ScriptedCall } from "../../fakes/scripted-call.ts";

const { clock, logger } = nodeRuntime({ log: { level: "silent" } });

interface Scene {
  readonly call: ScriptedCall<ProduceStreamResponseInit>;
  readonly budget: ByteBudget;
  /** How the appends end, in the order they came. */
  readonly appends: AppendCallback[];
  readonly send: (correlationId: number, bytes: number, partition?: number) => void;
  readonly acks: () => readonly ProduceAckInit[];
}

function openStream(budgetBytes = 1000, streamInFlightBytesMax = 100): Scene {
  const call = new ScriptedCall<ProduceStreamResponseInit>();
  const budget = new ByteBudget(budgetBytes);
  const appends: AppendCallback[] = [];
  const log: Partial<PartitionLog> = {
    append: (_principal, _batch, _acks, done) => void appends.push(done),
  };
  const partitions: Partial<PartitionDirectory> = {
    leader: (topic) => {
      if (topic === "t") return log as PartitionLog;
      throw new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", "no such topic");
    },
  };
  void new ProduceStream(
    call as unknown as ServerDuplexStream<ProduceStreamRequest, ProduceStreamResponseInit>,
    {
      partitions: partitions as PartitionDirectory,
      clock,
      logger,
      budget,
      streamInFlightBytesMax,
      appended: () => undefined,
    },
  );
  return {
    call,
    budget,
    appends,
    send: (correlationId, bytes, partition = 0) => {
      const recordBatch = new Uint8Array(bytes);
      call.emit("data", { correlationId, topic: "t", partition, acks: "ALL", recordBatch });
    },
    acks: () => call.written.flatMap((response) => response.acks ?? []),
  };
}

const at = (baseOffset: number) => ({ baseOffset, nextOffset: baseOffset + 1, duplicate: false });

describe("ProduceStream", () => {
  test("tells its window first, then acknowledges each batch in the order of its partition", async () => {
    const { acks, appends, call, send } = openStream();
    expect(call.written).toEqual([{ inFlightBytesMax: 100 }]);
    send(1, 10, 0);
    send(2, 10, 0);
    send(3, 10, 1);
    appends[1]?.(at(1));
    appends[2]?.(at(0));
    await expect.poll(acks).toEqual([{ correlationId: 3, ...at(0) }]);
    appends[0]?.(at(0));
    await expect.poll(() => acks().map(({ correlationId }) => correlationId)).toEqual([3, 1, 2]);
  });

  test("answers a batch that cannot be placed and goes on", async () => {
    const { acks, appends, call, send } = openStream();
    const recordBatch = new Uint8Array(1);
    call.emit("data", { correlationId: 1, topic: "?", partition: 0, acks: "ALL", recordBatch });
    send(2, 1);
    appends[0]?.(at(0));
    await expect.poll(() => acks().length).toBe(2);
    expect(acks()[0]?.error?.code).toBe("UNKNOWN_TOPIC_OR_PARTITION");
  });

  test("stops reading at its window and goes on when batches are acknowledged", () => {
    const { appends, call, send } = openStream();
    send(1, 60);
    expect(call.paused).toBe(false);
    send(2, 60);
    expect(call.paused).toBe(true);
    appends[0]?.(at(0));
    expect(call.paused).toBe(false);
  });

  test("stops reading while the broker's budget is full, also for others' sake", () => {
    const { appends, budget, call, send } = openStream(50, 1000);
    budget.take(40); // Another stream.
    send(1, 20);
    expect(call.paused).toBe(true);
    appends[0]?.(at(0));
    expect(call.paused).toBe(false);
    send(2, 20);
    expect(call.paused).toBe(true);
    budget.release(40);
    expect(call.paused).toBe(false);
    expect(budget.bytesHeld).toBe(20);
  });

  test("stops reading while the client does not take its acks", async () => {
    const { appends, call, send } = openStream();
    call.takesMore = false;
    send(1, 1);
    appends[0]?.(at(0));
    await expect.poll(() => call.written.length).toBe(2);
    send(2, 1);
    expect(call.paused).toBe(true);
    call.emit("drain");
    expect(call.paused).toBe(false);
  });

  test("ends after the last ack when the client has nothing more to send", async () => {
    const { appends, call, send } = openStream();
    send(1, 1);
    call.emit("end");
    expect(call.ended).toBe(false);
    appends[0]?.(at(0));
    await expect.poll(() => call.ended).toBe(true);
    expect(call.written.length).toBe(2);
  });

  test("gives the budget back for batches whose client went away, and writes nothing to it", async () => {
    const { appends, budget, call, send } = openStream();
    send(1, 30);
    call.emit("cancelled");
    appends[0]?.(at(0));
    await new Promise<void>((resolve) => clock.defer(() => clock.defer(resolve)));
    expect(budget.bytesHeld).toBe(0);
    expect(call.written.length).toBe(1);
  });
});
