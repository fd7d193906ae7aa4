import { expect, test } from "vitest";
import { OutgoingBatch } from "./outgoing-batch.ts";
import { BATCH_ITEMS_MAX } from "./peer-batch.ts";
import type { PeerBatch } from "./peer-batch.ts";

const group = { groupId: 1, incarnation: 1 };
const heartbeat = { group, term: 1, commit: 1, context: 0, sleep: false };

function take(outgoing: OutgoingBatch): PeerBatch[] {
  const batches: PeerBatch[] = [];
  outgoing.takeInto(batches);
  return batches;
}

test("OutgoingBatch.takeInto() hands out everything once, and an empty batch when there is nothing", () => {
  const outgoing = new OutgoingBatch({ from: 1, to: 2, epoch: 4 });
  outgoing.addHeartbeat(heartbeat);
  outgoing.addLightHeartbeat(group);
  const head = { from: 1, to: 2, epoch: 4, responses: [], lightResponses: [], wakes: [] };
  const first = { ...head, sequence: 1, heartbeats: [heartbeat], lightHeartbeats: [group] };
  expect(take(outgoing)).toEqual([first]);
  expect(take(outgoing)).toEqual([{ ...head, sequence: 2, heartbeats: [], lightHeartbeats: [] }]);
});

test("OutgoingBatch.isUrgent tells what somebody waits for from what can wait for the interval", () => {
  const outgoing = new OutgoingBatch({ from: 1, to: 2, epoch: 4 });
  outgoing.addHeartbeat(heartbeat);
  outgoing.addLightHeartbeat(group);
  expect(outgoing.isUrgent).toBe(false);
  outgoing.addHeartbeat({ ...heartbeat, context: 8 });
  expect(outgoing.isUrgent).toBe(true);
  take(outgoing);
  expect(outgoing.isUrgent).toBe(false);
  outgoing.addLightResponse(group);
  expect(outgoing.isUrgent).toBe(true);
});

test("OutgoingBatch splits what exceeds BATCH_ITEMS_MAX into batches of ascending sequence", () => {
  const outgoing = new OutgoingBatch({ from: 1, to: 2, epoch: 4 });
  for (let at = 0; at < BATCH_ITEMS_MAX + 3; at++) outgoing.addLightHeartbeat(group);
  const batches = take(outgoing);
  expect(batches.map(({ lightHeartbeats }) => lightHeartbeats.length)).toEqual([
    BATCH_ITEMS_MAX,
    3,
  ]);
  expect(batches.map(({ sequence }) => sequence)).toEqual([1, 2]);
});
