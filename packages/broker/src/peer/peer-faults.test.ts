import { RopewalkError } from "@ropewalk/protocol";
import { createMessage } from "raft-ts";
import { expect, test } from "vitest";
import { lanes } from "./peer-config.ts";
import { SimulatedPeers } from "../../fakes/simulated-peers.ts";
import type { SimulatedPeer } from "../../fakes/simulated-peers.ts";

const seed = Number(process.env["SEED"] ?? 0x5eed17);

test.for(Array.from({ length: 20 }, (_, at) => seed + at))(
  "PeerNetwork survives random faults and then works as if nothing had been, seed %i",
  async (runSeed) => {
    const random = randomFrom(runSeed);
    const world = new SimulatedPeers();
    const { one, two } = await world.startPair({
      queueBytesMax: { control: 100_000, append: 500_000, bulk: 500_000 },
      receiveBytesMax: { control: 100_000, append: 300_000, bulk: 300_000 },
      frameBytesTarget: 50_000,
    });
    const run = new Run(world, random);
    for (let step = 0; step < 300; step++) {
      run.fault();
      run.traffic(random(2) === 0 ? one : two);
      await world.run(random(100));
    }
    run.heal();
    await world.run(30_000);
    expect(run.openRequests, `seed=${runSeed}`).toBe(0);
    expect(run.unexpected, `seed=${runSeed}`).toEqual([]);
    expectClean(one, 2, runSeed);
    expectClean(two, 1, runSeed);
    await expectTraffic(world, one, two, runSeed);
  },
);

/** What happens in one run. */
class Run {
  openRequests = 0;
  readonly unexpected: unknown[] = [];
  readonly #world: SimulatedPeers;
  readonly #random: (bound: number) => number;
  #index = 0;

  constructor(world: SimulatedPeers, random: (bound: number) => number) {
    this.#world = world;
    this.#random = random;
  }

  fault(): void {
    const { net, clock } = this.#world;
    const dice = this.#random(40);
    if (dice === 0) net.cut();
    else if (dice === 1) net.isBlocked = !net.isBlocked;
    else if (dice === 2) net.isBlackHole = !net.isBlackHole;
    else if (dice === 3) net.stall("append");
    else if (dice === 4) net.unstall();
    else if (dice === 5) net.freezeOpenConnections();
    else if (dice === 6) clock.stall(this.#random(8_000));
  }

  heal(): void {
    const { net } = this.#world;
    net.isBlocked = false;
    net.isBlackHole = false;
    net.unstall();
  }

  traffic({ network }: SimulatedPeer): void {
    const peerId = network.lastHeardMs(2) === undefined ? 1 : 2;
    for (let count = this.#random(6); count > 0; count--) {
      const data = new Uint8Array(this.#random(3) * 20_000).fill(++this.#index % 256);
      const entries = [{ index: this.#index, term: 1, type: "normal", data }] as const;
      const message = createMessage(count % 2 === 0 ? "MsgApp" : "MsgHeartbeat", peerId);
      network.send(peerId, { groupId: 1, incarnation: 1 }, { ...message, term: 1, entries });
    }
    network.flush();
    if (this.#random(3) === 0) this.#ask(network, peerId);
  }

  #ask(network: SimulatedPeer["network"], peerId: number): void {
    const body = Buffer.alloc(this.#random(2) * 80_000 + this.#random(9), this.#random(256));
    this.openRequests += 1;
    network
      .request(peerId, this.#random(8) === 0 ? "never" : "echo", body, 1 + this.#random(5_000))
      .then((answer) => {
        if (Buffer.compare(answer, body) !== 0)
          this.unexpected.push("an answer to another request");
      })
      .catch((error: unknown) => {
        if (!(error instanceof RopewalkError)) this.unexpected.push(error);
      })
      .finally(() => (this.openRequests -= 1));
  }
}

/** Connected, nothing held, and every message that arrived is whole and in the order of its lane. */
function expectClean(peer: SimulatedPeer, otherId: number, runSeed: number): void {
  const context = `seed=${runSeed}`;
  expect(peer.network.connectedPeers(), context).toEqual([otherId]);
  for (const lane of lanes) {
    expect(peer.network.queuedBytes(lane), context).toBe(0);
    expect(peer.network.receivedBytes(lane), context).toBe(0);
    expect(peer.network.counters[lane].corruptions, context).toBe(0);
  }
  const lastIndex = new Map<string, number>();
  for (const { message } of peer.messages) {
    for (const { index, data } of message.entries) {
      expect(index, context).toBeGreaterThan(lastIndex.get(message.type) ?? 0);
      expect(
        data.every((byte) => byte === index % 256),
        context,
      ).toBe(true);
      lastIndex.set(message.type, index);
    }
  }
}

async function expectTraffic(
  world: SimulatedPeers,
  one: SimulatedPeer,
  two: SimulatedPeer,
  runSeed: number,
): Promise<void> {
  const before = two.messages.length;
  one.network.send(2, { groupId: 1, incarnation: 1 }, createMessage("MsgHeartbeat", 2));
  one.network.send(2, { groupId: 1, incarnation: 1 }, createMessage("MsgApp", 2));
  one.network.flush();
  await world.run(5_000);
  expect(two.messages.length - before, `seed=${runSeed}`).toBe(2);
}

/** A small seeded generator (mulberry32); integers in [0, bound). */
function randomFrom(start: number): (bound: number) => number {
  let state = start >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}
