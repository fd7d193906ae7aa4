import type { Connection } from "@ropewalk/runtime";
import { createMessage } from "raft-ts";
import type { Message } from "raft-ts";
import { describe, expect, test } from "vitest";
import { encodeHello } from "./hello.ts";
import { MessageFrame } from "./message-frame.ts";
import { SimulatedPeers } from "../../fakes/simulated-peers.ts";

const group = { groupId: 1, incarnation: 1 };
const heartbeat = { ...createMessage("MsgHeartbeat", 2), from: 1, term: 1 };

describe("receiving", () => {
  test("takes nothing of Raft from a stranger, unless that was taken in later than is known", async () => {
    const world = new SimulatedPeers();
    const newer: number[] = [];
    const two = await world.start(
      2,
      7002,
      {},
      {
        isStranger: () => true,
        isNewer: (enteredIndex) => (enteredIndex ?? 0) > 5,
        onNewerSeen: (brokerId) => newer.push(brokerId),
      },
    );
    for (const [brokerId, enteredIndex] of [
      [1, 5],
      [3, 6],
    ] as const) {
      const options = { advertise: { host: "host", port: 7000 }, enteredIndex: () => enteredIndex };
      const { network } = await world.start(brokerId, 7000 + brokerId, {}, options);
      network.connect(2);
      await world.run(100);
      network.send(2, group, { ...heartbeat, from: brokerId });
      network.flush();
    }
    await world.run(1_000);
    expect(two.messages.map(({ message }) => message.from)).toEqual([3]);
    expect(newer).toEqual([3]);
  });

  test("closes a connection that brings unusable bytes after a good hello, and nothing else", async () => {
    const world = new SimulatedPeers();
    const { one, two } = await world.startPair();
    const identity = { brokerId: 3, directoryId: "three", clusterId: "" };
    const hello = { ...identity, versionMin: 1, versionMax: 1, targetBrokerId: 2 };
    let isClosed = false;
    const stranger = await connectTo(world, 7002, () => (isClosed = true));
    stranger.send([encodeHello({ ...hello, lane: "append" })]);
    await world.run(50);
    const frame = new MessageFrame();
    frame.add(group, heartbeat);
    const buffers: Uint8Array[] = [];
    frame.finishInto(buffers, false);
    const damaged = Buffer.concat(buffers);
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    stranger.send([damaged]);
    await world.run(50);
    expect(isClosed).toBe(true);
    expect(two.messages).toEqual([]);
    expect(two.network.counters.append.corruptions).toBe(1);
    expect(two.network.receivedBytes("append")).toBe(0);
    expect(one.network.connectedPeers()).toEqual([2]);
  });

  test("pauses the append lane while the owner is behind, and never the control lane", async () => {
    const world = new SimulatedPeers();
    const releases: (() => void)[] = [];
    const one = await world.start(1, 7001, { frameBytesTarget: 50_000 });
    const two = await world.start(
      2,
      7002,
      { receiveBytesMax: { control: 10_000, append: 300_000, bulk: 10_000 } },
      {
        onRaftMessages: (_from, messages) => {
          two.messages.push(...messages);
          if (messages[0]?.message.type !== "MsgApp") return undefined;
          return new Promise((resolve) => releases.push(resolve));
        },
      },
    );
    for (let index = 1; index <= 40; index++) one.network.send(2, group, append(index, 60_000));
    one.network.flush();
    await world.run(10_000);
    expect(two.network.receivedBytes("append")).toBeLessThanOrEqual(300_000);
    expect(two.messages.length).toBeLessThan(6);
    one.network.send(2, group, heartbeat);
    one.network.flush();
    await world.run(50);
    expect(two.messages.at(-1)?.message.type).toBe("MsgHeartbeat");
    for (let turn = 0; turn < 100; turn++) {
      for (const release of releases.splice(0)) release();
      await world.run(100);
    }
    expect(two.messages).toHaveLength(41);
    expect(two.network.receivedBytes("append")).toBe(0);
    expect(one.network.counters.append.disconnects).toBe(0);
  });
});

async function connectTo(
  world: SimulatedPeers,
  port: number,
  onClose: () => void,
): Promise<Connection> {
  const handler = { onData: () => {}, onDrain: () => {}, onClose };
  const connecting = world.net.connect({ host: "host", port }, 1_000, () => handler);
  await world.run(10);
  return connecting;
}

function append(index: number, dataBytes: number): Message {
  const data = new Uint8Array(dataBytes).fill(index % 256);
  const entries = [{ index, term: 1, type: "normal", data }] as const;
  return { ...createMessage("MsgApp", 2), from: 1, term: 1, logTerm: 1, index: index - 1, entries };
}
