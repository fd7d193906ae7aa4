import { createMessage } from "raft-ts";
import type { Message } from "raft-ts";
import { describe, expect, test } from "vitest";
import { SimulatedPeers } from "../../fakes/simulated-peers.ts";

const group = { groupId: 1, incarnation: 1 };
const heartbeat = { ...createMessage("MsgHeartbeat", 2), from: 1, term: 1 };

describe("PeerNetwork.send()", () => {
  test("delivers messages of many groups in one frame and one batch, each with its group", async () => {
    const world = new SimulatedPeers();
    const { one, two } = await world.startPair();
    for (let groupId = 1; groupId <= 500; groupId++) {
      one.network.send(2, { groupId, incarnation: groupId % 3 }, heartbeat);
    }
    const framesBefore = one.network.counters.control.framesSent;
    one.network.flush();
    await world.run(100);
    expect(one.network.counters.control.framesSent - framesBefore).toBe(1);
    expect(two.batches).toHaveLength(1);
    expect(two.messages.map(({ group: key }) => [key.groupId, key.incarnation])).toEqual(
      Array.from({ length: 500 }, (_, at) => [at + 1, (at + 1) % 3]),
    );
    expect(two.messages[0]?.message).toEqual(heartbeat);
  });

  test("keeps the order of all MsgApp of a peer, and their data, across many frames", async () => {
    const world = new SimulatedPeers();
    const { one, two } = await world.startPair({ frameBytesTarget: 10_000 });
    for (let index = 1; index <= 100; index++) one.network.send(2, group, append(index, 5_000));
    one.network.flush();
    await world.run(1_000);
    expect(two.messages.map(({ message }) => message.entries[0]?.index)).toEqual(
      Array.from({ length: 100 }, (_, at) => at + 1),
    );
    for (const { message } of two.messages) {
      for (const { data, index } of message.entries) {
        expect(data).toHaveLength(5_000);
        expect(data.every((byte) => byte === index % 256)).toBe(true);
      }
    }
  });

  test("lets a heartbeat pass while the append lane is full and stuck", async () => {
    const world = new SimulatedPeers();
    const { one, two } = await world.startPair();
    one.network.send(2, group, append(1, 10));
    one.network.flush();
    await world.run(50);
    world.net.stall("append");
    for (let index = 2; index < 40; index++) one.network.send(2, group, append(index, 100_000));
    one.network.send(2, group, heartbeat);
    one.network.flush();
    await world.run(50);
    expect(two.messages.map(({ message }) => message.type)).toEqual(["MsgApp", "MsgHeartbeat"]);
    world.net.unstall();
    await world.run(1_000);
    expect(two.messages).toHaveLength(40);
  });

  test("drops what does not fit into the queue, says so once, and recovers", async () => {
    const world = new SimulatedPeers();
    const { one, two } = await world.startPair({
      queueBytesMax: { control: 1000, append: 1_000_000, bulk: 1000 },
    });
    one.network.send(2, group, append(1, 10));
    one.network.flush();
    await world.run(50);
    one.unreachable.length = 0;
    world.net.stall("append");
    const accepted = Array.from({ length: 50 }, (_, at) =>
      one.network.send(2, group, append(at + 2, 100_000)),
    );
    one.network.flush();
    await world.run(10);
    const acceptedCount = accepted.filter(Boolean).length;
    expect(acceptedCount).toBeGreaterThan(5);
    expect(one.network.queuedBytes("append")).toBeLessThanOrEqual(1_000_000);
    expect(one.network.counters.append.messagesDropped).toBe(50 - acceptedCount);
    expect(one.unreachable).toEqual([2]);
    world.net.unstall();
    await world.run(2_000);
    expect(two.messages).toHaveLength(1 + acceptedCount);
    expect(one.network.queuedBytes("append")).toBe(0);
    expect(one.network.send(2, group, append(99, 100_000))).toBe(true);
  });

  test("drops a message that no frame can hold", async () => {
    const world = new SimulatedPeers();
    const { one } = await world.startPair({ frameBytesMax: 100_000, frameBytesTarget: 1_000 });
    expect(one.network.send(2, group, append(1, 100_000))).toBe(false);
    expect(one.network.send(2, group, append(1, 90_000))).toBe(true);
  });

  test("reports the fate of every snapshot", async () => {
    const world = new SimulatedPeers();
    const { one } = await world.startPair();
    one.network.send(2, group, snapshot(5));
    one.network.flush();
    await world.run(100);
    expect(one.snapshots).toEqual(["2 finish"]);
    world.net.cut();
    one.network.send(2, group, snapshot(6));
    world.net.isBlocked = true;
    await world.run(3_000);
    expect(one.snapshots).toEqual(["2 finish", "2 failure"]);
    expect(one.network.send(2, group, snapshot(7))).toBe(false);
    await world.run(0);
    expect(one.snapshots).toEqual(["2 finish", "2 failure", "2 failure"]);
  });
});

function append(index: number, dataBytes: number): Message {
  const data = new Uint8Array(dataBytes).fill(index % 256);
  const entries = [{ index, term: 1, type: "normal", data }] as const;
  return { ...createMessage("MsgApp", 2), from: 1, term: 1, logTerm: 1, index: index - 1, entries };
}

function snapshot(index: number): Message {
  const confState = {
    voters: [1, 2],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  const value = { index, term: 1, confState, data: new Uint8Array(10_000) };
  return { ...createMessage("MsgSnap", 2), from: 1, term: 1, snapshot: value };
}
