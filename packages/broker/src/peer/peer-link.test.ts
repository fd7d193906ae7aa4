import { createMessage } from "raft-ts";
import { describe, expect, test } from "vitest";
import { remoteMessageTypes } from "./message-codec.ts";
import { laneOf } from "./peer-link.ts";
import { SimulatedPeers } from "../../fakes/simulated-peers.ts";

const group = { groupId: 1, incarnation: 1 };
const heartbeat = { ...createMessage("MsgHeartbeat", 2), from: 1, term: 1 };

test("laneOf() keeps what carries data apart, and every MsgApp in one order", () => {
  const lanesByType = Object.fromEntries(remoteMessageTypes.map((type) => [type, laneOf(type)]));
  expect(lanesByType).toMatchObject({ MsgApp: "append", MsgProp: "append", MsgSnap: "bulk" });
  const control = remoteMessageTypes.filter((type) => laneOf(type) === "control");
  expect(control).toHaveLength(remoteMessageTypes.length - 3);
});

describe("a peer's connections", () => {
  test("come back after they broke, and messages flow again", async () => {
    const world = new SimulatedPeers();
    const { one, two } = await world.startPair();
    world.net.cut();
    await world.run(10);
    expect(one.unreachable).toContain(2);
    await world.run(2_000);
    expect(one.network.connectedPeers()).toEqual([2]);
    one.network.send(2, group, heartbeat);
    one.network.flush();
    await world.run(50);
    expect(two.messages).toHaveLength(1);
  });

  test("are tried for ever, with at most a second between two attempts", async () => {
    const world = new SimulatedPeers();
    const { one } = await world.startPair();
    world.net.isBlocked = true;
    world.net.cut();
    await world.run(20_000);
    const before = one.network.counters.control.connectFailures;
    await world.run(60_000);
    const perMinute = one.network.counters.control.connectFailures - before;
    expect(perMinute).toBeGreaterThanOrEqual(50);
    expect(perMinute).toBeLessThanOrEqual(130);
    expect(one.network.send(2, group, heartbeat)).toBe(false);
    world.net.isBlocked = false;
    await world.run(2_000);
    expect(one.network.connectedPeers()).toEqual([2]);
  });

  test("are dialed at the address of the moment", async () => {
    const world = new SimulatedPeers();
    const one = await world.start(1, 7001);
    world.addresses.delete(2);
    one.network.connect(2);
    await world.run(5_000);
    expect(one.network.connectedPeers()).toEqual([]);
    await world.start(2, 7055);
    await world.run(2_000);
    expect(one.network.connectedPeers()).toEqual([2]);
  });

  test("are found dead when the other side is silent though nothing was closed", async () => {
    const world = new SimulatedPeers();
    const { one } = await world.startPair();
    world.net.isBlackHole = true;
    await world.run(4_000);
    expect(one.network.connectedPeers()).toEqual([2]);
    await world.run(3_000);
    expect(one.network.connectedPeers()).toEqual([]);
    world.net.isBlackHole = false;
    await world.run(5_000);
    expect(one.network.connectedPeers()).toEqual([2]);
  });

  test("survive that this process stands still for longer than it tolerates silence", async () => {
    const world = new SimulatedPeers();
    const { one } = await world.startPair();
    world.clock.stall(30_000);
    await world.run(5_000);
    expect(one.network.connectedPeers()).toEqual([2]);
    expect(one.network.counters.control.disconnects).toBe(0);
  });

  test("are replaced when the peer begins a new life before the old one was missed", async () => {
    const world = new SimulatedPeers();
    const { one, two } = await world.startPair();
    two.network.send(1, group, { ...heartbeat, to: 1, from: 2 });
    two.network.flush();
    await world.run(50);
    world.net.freezeOpenConnections();
    const reborn = await world.start(2, 7002);
    reborn.network.send(1, group, { ...heartbeat, to: 1, from: 2 });
    reborn.network.flush();
    await world.run(100);
    expect(one.messages).toHaveLength(2);
  });

  test("keep telling when the peer was last heard while nothing is sent", async () => {
    const world = new SimulatedPeers();
    const { one, two } = await world.startPair();
    await world.run(60_000);
    for (const [node, peerId] of [
      [one, 2],
      [two, 1],
    ] as const) {
      const silentMs = world.clock.monotonicMs() - (node.network.lastHeardMs(peerId) ?? -1);
      expect(silentMs).toBeLessThan(1_000);
    }
    expect(one.network.counters.control.disconnects).toBe(0);
    expect(one.network.lastHeardMs(3)).toBeUndefined();
  });

  test("end when a broker is no longer of the cluster", async () => {
    const world = new SimulatedPeers();
    const members = new Set([1, 2]);
    const verifyPeer = ({ brokerId }: { brokerId: number }): string | undefined =>
      members.has(brokerId) ? undefined : "it was removed";
    const one = await world.start(1, 7001, {}, { verifyPeer });
    const two = await world.start(2, 7002);
    one.network.connect(2);
    two.network.connect(1);
    await world.run(100);
    members.delete(2);
    one.network.disconnect(2);
    await world.run(5_000);
    expect(one.network.connectedPeers()).toEqual([]);
    expect(two.network.connectedPeers()).toEqual([]);
    expect(one.network.lastHeardMs(2)).toBeUndefined();
    expect(two.unreachable).toContain(1);
  });
});
