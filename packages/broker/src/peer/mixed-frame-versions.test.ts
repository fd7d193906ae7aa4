import { RopewalkError } from "@ropewalk/protocol";
import { createMessage } from "raft-ts";
import { describe, expect, test } from "vitest";
import { type SimulatedPeer, SimulatedPeers } from "../../fakes/simulated-peers.ts";
import { type PeerVersions, spokenPeerVersions } from "./peer-config.ts";

const newest = spokenPeerVersions.max;
const group = { groupId: 1, incarnation: 1 };

/** Brokers that speak other versions than each other, the older one's first. */
const pairs: readonly (readonly [PeerVersions, PeerVersions])[] = [
  [{ min: 1, max: newest - 1 }, spokenPeerVersions],
  [spokenPeerVersions, { min: 1, max: newest - 1 }],
  [spokenPeerVersions, { min: 1, max: newest + 1 }],
  [
    { min: 1, max: newest - 1 },
    { min: newest - 1, max: newest + 1 },
  ],
];

describe.for(pairs)("brokers that speak frames of versions %o and %o", ([first, second]) => {
  test("connect, and take each other's messages, requests and answers", async () => {
    const { one, two, world } = await startPair(first, second);
    expect(one.network.connectedPeers()).toEqual([2]);
    expect(two.network.connectedPeers()).toEqual([1]);
    for (const [from, to] of [[one, 2] as const, [two, 1] as const]) {
      const entries = [{ index: 1, term: 1, type: "normal", data: new Uint8Array(9_000) }] as const;
      from.network.send(to, group, { ...createMessage("MsgApp", to), term: 1, entries });
      from.network.flush();
      const body = Buffer.from("as it was");
      const answer = from.network.request(to, "echo", body, 1_000);
      await world.run(100);
      expect(await answer).toEqual(body);
    }
    for (const { messages, network } of [one, two]) {
      expect(messages.map(({ message }) => message.entries[0]?.data.length)).toEqual([9_000]);
      expect(network.counters.append.corruptions + network.counters.control.corruptions).toBe(0);
    }
  });

  test("read each other's errors, with the values that both versions have", async () => {
    const { one, two, world } = await startPair(first, second);
    const hasValues = Math.min(first.max, second.max) >= 2;
    for (const [from, to] of [[one, 2] as const, [two, 1] as const]) {
      const failed = from.network.request(to, "refuse", Buffer.alloc(0), 1_000);
      const seen = failed.catch((error: unknown) => error);
      await world.run(100);
      expect(await seen).toMatchObject({
        code: "INVALID_PARTITIONS",
        message: "Too many.",
        validRange: hasValues ? { name: "partition_count", min: 1, max: 5 } : undefined,
      });
    }
  });
});

test("brokers that speak no version of the frames in common say so, and do not connect", async () => {
  const later = { min: newest + 1, max: newest + 2 };
  const { one, two, world } = await startPair(spokenPeerVersions, later);
  await world.run(5_000);
  expect([...one.network.connectedPeers(), ...two.network.connectedPeers()]).toEqual([]);
  expect(world.logs.join("\n")).toContain("no protocol version in common");
});

async function startPair(
  first: PeerVersions,
  second: PeerVersions,
): Promise<{ one: SimulatedPeer; two: SimulatedPeer; world: SimulatedPeers }> {
  const world = new SimulatedPeers();
  const onRequest = (_from: number, method: string, body: Uint8Array): Promise<Uint8Array> => {
    if (method === "echo") return Promise.resolve(Buffer.from(body));
    const validRange = { name: "partition_count", min: 1, max: 5 };
    return Promise.reject(new RopewalkError("INVALID_PARTITIONS", "Too many.", { validRange }));
  };
  const one = await world.start(1, 7001, { versions: first }, { onRequest });
  const two = await world.start(2, 7002, { versions: second }, { onRequest });
  one.network.connect(2);
  two.network.connect(1);
  await world.run(100);
  return { one, two, world };
}
