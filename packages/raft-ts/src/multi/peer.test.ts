import { expect, test } from "vitest";
import { Peer } from "./peer.ts";
import type { PeerBatch } from "./peer-batch.ts";

const timeoutTicks = 5;

function batch(epoch: number, sequence: number): PeerBatch {
  return {
    from: 2,
    to: 1,
    epoch,
    sequence,
    heartbeats: [],
    lightHeartbeats: [],
    responses: [],
    lightResponses: [],
    wakes: [],
  };
}

function newPeer(): Peer {
  return new Peer({ from: 1, to: 2, epoch: 9 });
}

test("Peer.tick() reports death once, after silence of the whole timeout", () => {
  const peer = newPeer();
  const deaths = Array.from({ length: 8 }, () => peer.tick(timeoutTicks));
  expect(deaths).toEqual([false, false, false, false, true, false, false, false]);
  expect(peer.isAlive).toBe(false);
  expect(peer.heard(batch(1, 1))).toBe("heardFirst");
  expect(peer.isAlive).toBe(true);
});

test("Peer.heard() ignores late and repeated batches, of this process and of earlier ones", () => {
  const peer = newPeer();
  expect(peer.heard(batch(4, 2))).toBe("heardFirst");
  expect(peer.heard(batch(4, 2))).toBe("stale");
  expect(peer.heard(batch(4, 1))).toBe("stale");
  expect(peer.heard(batch(3, 9))).toBe("stale");
  expect(peer.heard(batch(4, 3))).toBe("known");
});

test("Peer.heard() tells a restart from a return", () => {
  const peer = newPeer();
  peer.heard(batch(4, 7));
  expect(peer.heard(batch(5, 1))).toBe("restarted");
  for (let tick = 0; tick < timeoutTicks; tick++) peer.tick(timeoutTicks);
  expect(peer.heard(batch(5, 2))).toBe("returned");
});

test("Peer.heard() takes a lower epoch from a peer that counted as dead, so that it is never lost", () => {
  const peer = newPeer();
  peer.heard(batch(4, 7));
  expect(peer.heard(batch(2, 8))).toBe("stale");
  for (let tick = 0; tick < timeoutTicks; tick++) peer.tick(timeoutTicks);
  expect(peer.heard(batch(2, 9))).toBe("restarted");
});

test("Peer.replaced() makes the first batch of a process count that was started as often as the one before", () => {
  const peer = newPeer();
  peer.heard(batch(1, 500));
  expect(peer.heard(batch(1, 1))).toBe("stale");
  peer.replaced();
  expect(peer.heard(batch(1, 1))).toBe("heardFirst");
  expect(peer.heard(batch(1, 1))).toBe("stale");
});

test("Peer.takeBackFarewell() ends what is said of a group, whoever names it", () => {
  const peer = newPeer();
  peer.sayFarewell({ groupId: 3, incarnation: 1 }, 2);
  peer.sayFarewell({ groupId: 3, incarnation: 2 }, 2);
  peer.takeBackFarewell({ groupId: 3, incarnation: 1 });
  peer.repeatFarewells();
  const batches: PeerBatch[] = [];
  peer.outgoing.takeInto(batches);
  expect(batches[0]?.wakes).toEqual([{ groupId: 3, incarnation: 2 }]);
});

test("Peer.sayFarewell() repeats the word in as many batches as asked for", () => {
  const peer = newPeer();
  const gone = { groupId: 3, incarnation: 1 };
  peer.sayFarewell(gone, 2);
  const wakes: unknown[] = [];
  for (let interval = 0; interval < 3; interval++) {
    peer.repeatFarewells();
    const batches: PeerBatch[] = [];
    peer.outgoing.takeInto(batches);
    wakes.push(batches[0]?.wakes);
  }
  expect(wakes).toEqual([[gone], [gone], []]);
});
