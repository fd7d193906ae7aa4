import { ByteWriter } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { FrameAssembler } from "./frame-assembler.ts";
import type { ReceivedFrame } from "./frame-assembler.ts";
import {
  frameHeaderBytes,
  frameKind,
  patchFrameHeader,
  readFrameHeader,
  reserveFrameHeader,
} from "./frame-header.ts";
import { ReceiveBudget } from "./receive-budget.ts";

test("FrameAssembler.push() gives out the same frames however the bytes are cut", () => {
  const payloads = [0, 1, 11, 12, 13, 5_000, 16_384, 16_385, 40_000].map(payloadOf);
  const stream = Buffer.concat(payloads.map(frameOf));
  for (const cutBytes of [1, 5, 12, 13, 1_000, 65_536, stream.length]) {
    const { assembler, received } = newAssembler(new ReceiveBudget(1_000_000));
    for (let at = 0; at < stream.length; at += cutBytes) {
      const chunk = Buffer.from(stream.subarray(at, at + cutBytes));
      assembler.push(chunk);
      chunk.fill(0); // Only valid during the call.
    }
    expect(received.map((frame) => frame.payload.length)).toEqual(payloads.map((p) => p.length));
    received.forEach((frame, at) =>
      expect(frame.payload.equals(payloads[at] ?? Buffer.alloc(0))).toBe(true),
    );
  }
});

test("FrameAssembler.push() says which payloads may be kept", () => {
  const { assembler, owned } = newAssembler(new ReceiveBudget(1_000_000));
  assembler.push(Buffer.concat([frameOf(payloadOf(100)), frameOf(payloadOf(20_000))]));
  assembler.push(frameOf(payloadOf(100)).subarray(0, 50));
  assembler.push(frameOf(payloadOf(100)).subarray(50));
  expect(owned).toEqual([false, true, true]);
});

test("FrameAssembler.push() refuses a length above the bound before it takes memory", () => {
  const { assembler } = newAssembler(new ReceiveBudget(1_000_000), 1_000);
  const header = headerOf(2 ** 32 - 1);
  expect(() => assembler.push(header)).toThrow(/4294967295 bytes, 1000 are allowed/);
});

test("readFrameHeader() notices every damaged bit and unknown kinds", () => {
  const intact = headerOf(77);
  expect(readFrameHeader(intact, 0, 100)).toEqual({ kind: frameKind.answer, payloadBytes: 77 });
  for (let bit = 0; bit < frameHeaderBytes * 8; bit++) {
    const damaged = Buffer.from(intact);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(() => readFrameHeader(damaged, 0, 100)).toThrow(/checksum/);
  }
});

test("FrameAssembler stalls while the budget is used up, and goes on without losing a byte", () => {
  const budget = new ReceiveBudget(30_000);
  const { assembler, received, setKeeping } = newAssembler(budget);
  setKeeping(true);
  const payloads = [20_000, 20_000, 10, 0].map(payloadOf);
  assembler.push(Buffer.concat(payloads.map(frameOf)));
  assembler.push(frameOf(payloadOf(3)));
  expect(received).toHaveLength(1);
  expect(assembler.isStalled).toBe(true);
  expect(budget.usedBytes).toBe(20_000 + frameHeaderBytes);
  budget.release(20_000 + frameHeaderBytes);
  assembler.resume();
  expect(assembler.isStalled).toBe(false);
  expect(received.map((frame) => frame.payload.length)).toEqual([20_000, 20_000, 10, 0, 3]);
});

test("FrameAssembler.push() keeps bytes behind those that wait, also once there is room for these", () => {
  const budget = new ReceiveBudget(30_000);
  const { assembler, received, setKeeping } = newAssembler(budget);
  setKeeping(true);
  const payloads = [20_000, 25_000, 10].map(payloadOf);
  const stream = Buffer.concat(payloads.map(frameOf));
  // The second frame stalls with half of its bytes there; the rest comes before whoever feeds it has gone on.
  assembler.push(stream.subarray(0, 30_000));
  expect(assembler.isStalled).toBe(true);
  budget.release(20_000 + frameHeaderBytes);
  assembler.push(stream.subarray(30_000, 40_000));
  assembler.resume();
  assembler.push(stream.subarray(40_000));
  expect(received.map(({ payload }) => payload.equals(payloadOf(payload.length)))).toEqual([
    true,
    true,
    true,
  ]);
});

test("FrameAssembler.close() gives back what an unfinished or waiting frame has reserved", () => {
  const budget = new ReceiveBudget(30_000);
  const unfinished = newAssembler(budget).assembler;
  const waiting = newAssembler(budget).assembler;
  const later = newAssembler(budget).assembler;
  unfinished.push(frameOf(payloadOf(25_000)).subarray(0, 1_000));
  waiting.push(frameOf(payloadOf(25_000)).subarray(0, 1_000));
  later.push(frameOf(payloadOf(10)));
  expect([unfinished, waiting, later].map((each) => each.isStalled)).toEqual([false, true, true]);
  waiting.close();
  expect(later.isStalled).toBe(false);
  unfinished.close();
  later.resume();
  expect(budget.usedBytes).toBe(0);
});

test("ReceiveBudget lets one frame through that is larger than all of it", () => {
  const budget = new ReceiveBudget(1_000);
  const { assembler, received } = newAssembler(budget);
  assembler.push(frameOf(payloadOf(50_000)));
  expect(received).toHaveLength(1);
  expect(budget.usedBytes).toBe(0);
});

test("ReceiveBudget.release() serves those who wait in the order they came", () => {
  const budget = new ReceiveBudget(100);
  const served: string[] = [];
  const waiter = (name: string, wantedBytes: number) => ({
    wantedBytes,
    onReserved: () => served.push(name),
  });
  expect(budget.reserve(waiter("holder", 100))).toBe(true);
  for (const [name, bytes] of [
    ["a", 60],
    ["b", 60],
    ["c", 10],
  ] as const) {
    expect(budget.reserve(waiter(name, bytes))).toBe(false);
  }
  budget.release(100);
  expect(served).toEqual(["a"]);
  budget.release(60);
  expect(served).toEqual(["a", "b", "c"]);
});

function newAssembler(budget: ReceiveBudget, payloadBytesMax = 1_000_000) {
  const received: ReceivedFrame[] = [];
  const owned: boolean[] = [];
  let isKeeping = false;
  const onFrame = (frame: ReceivedFrame): boolean => {
    received.push({ ...frame, payload: Buffer.from(frame.payload) });
    owned.push(frame.owned);
    return isKeeping;
  };
  const assembler = new FrameAssembler({ onFrame, isClosed: false }, payloadBytesMax, budget);
  return { assembler, received, owned, setKeeping: (keeps: boolean) => (isKeeping = keeps) };
}

function payloadOf(bytes: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => (at * 31 + bytes) % 256));
}

function headerOf(payloadBytes: number): Buffer {
  const writer = new ByteWriter();
  reserveFrameHeader(writer);
  patchFrameHeader(writer, frameKind.answer, payloadBytes);
  return Buffer.from(writer.finish());
}

function frameOf(payload: Buffer): Buffer {
  return Buffer.concat([headerOf(payload.length), payload]);
}
