import { ByteReader, ByteWriter } from "@ropewalk/protocol";
import type { PeerBatch } from "raft-ts/multi";
import { expect, test } from "vitest";
import {
  decodeHeartbeatBatch,
  encodeHeartbeatBatch,
  heartbeatBatchBytesMax,
} from "./heartbeat-batch.ts";

const key = (groupId: number) => ({ groupId, incarnation: 2 ** 40 + groupId });
const batch: PeerBatch = {
  from: 1,
  to: 2,
  epoch: 3,
  sequence: 2 ** 45,
  heartbeats: [
    { group: key(1), term: 4, commit: 5, context: 6, sleep: true },
    {
      group: { ...key(9), fromReplica: 0, toReplica: 2 ** 48 },
      term: 4,
      commit: 5,
      context: 0,
      sleep: false,
    },
  ],
  lightHeartbeats: [key(2), key(3)],
  responses: [{ group: key(4), term: 7, commit: 2 ** 50, context: 0, asleep: false }],
  lightResponses: [key(5)],
  wakes: [key(6), key(7), key(8)],
};

function encoded(each: PeerBatch): Uint8Array {
  const writer = new ByteWriter(16);
  encodeHeartbeatBatch(writer, each);
  return Uint8Array.from(writer.finish());
}

test("decodeHeartbeatBatch() reads what encodeHeartbeatBatch() wrote, within the promised size", () => {
  const bytes = encoded(batch);
  expect(decodeHeartbeatBatch(new ByteReader(bytes))).toEqual(batch);
  expect(bytes.length).toBeLessThanOrEqual(heartbeatBatchBytesMax(batch));
});

test("an idle pair's batch is a dozen bytes", () => {
  const idle = { ...batch, sequence: 1000, heartbeats: [], lightHeartbeats: [], responses: [] };
  expect(encoded({ ...idle, lightResponses: [], wakes: [] }).length).toBeLessThanOrEqual(12);
});

test("decodeHeartbeatBatch() refuses bytes that end early or count more than they bring", () => {
  const bytes = encoded(batch);
  for (let length = 0; length < bytes.length; length += 1) {
    expect(() => decodeHeartbeatBatch(new ByteReader(bytes.subarray(0, length)))).toThrow();
  }
  const greedy = new ByteWriter(16);
  greedy.uint8(64).uvarint(1).uvarint(2).uvarint(3).uvarint(4).uvarint(60_000);
  expect(() => decodeHeartbeatBatch(new ByteReader(greedy.finish()))).toThrow(/does not fit/);
});
