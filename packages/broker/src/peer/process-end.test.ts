import { expect, test } from "vitest";
import type { SimulatedPeer } from "../../fakes/simulated-peers.ts";
import { SimulatedPeers } from "../../fakes/simulated-peers.ts";

interface Watched {
  readonly world: SimulatedPeers;
  readonly one: SimulatedPeer;
  readonly two: SimulatedPeer;
  /** Whose processes broker 1 was told to be gone, and after how long. */
  readonly ended: { readonly peerId: number; readonly atMs: number }[];
}

/** Brokers 1 and 2, connected to each other in both directions. */
async function watchedPair(): Promise<Watched> {
  const world = new SimulatedPeers();
  const ended: Watched["ended"] = [];
  const onProcessEnded = (peerId: number): void => {
    ended.push({ peerId, atMs: world.clock.monotonicMs() });
  };
  const one = await world.start(1, 7001, {}, { onProcessEnded });
  const two = await world.start(2, 7002);
  one.network.connect(2);
  two.network.connect(1);
  await world.run(3_000);
  return { world, one, two, ended };
}

test("PeerNetwork says within 50 ms that a process has ended whose connections and listener went with it", async () => {
  const { world, two, ended } = await watchedPair();
  const beganMs = world.clock.monotonicMs();
  await two.network.close();
  await world.run(50);
  expect(ended[0]?.peerId).toBe(2);
  expect((ended[0]?.atMs ?? Infinity) - beganMs).toBeLessThanOrEqual(50);
});

test("PeerNetwork says so within 50 ms where it was started again itself while the other one stayed", async () => {
  const { world, one, two } = await watchedPair();
  await two.network.close();
  await world.run(3_000);
  const ended: number[] = [];
  const onProcessEnded = (peerId: number): unknown => ended.push(peerId);
  const again = await world.start(2, 7002, {}, { onProcessEnded });
  again.network.connect(1);
  await world.run(3_000);
  expect([one, again].map(({ network }) => network.connectedPeers())).toEqual([[2], [1]]);
  await one.network.close();
  await world.run(50);
  expect(ended[0]).toBe(1);
});

test("PeerNetwork does not take a process for ended that holds a connection, though others are refused", async () => {
  const { world, one, ended } = await watchedPair();
  // Those that are open stay: the peer still says what it wants to say.
  world.net.refusesPort = 7002;
  one.network.disconnect(2);
  await world.run(100);
  one.network.connect(2);
  await world.run(10_000);
  expect(one.network.counters.control.connectFailures).toBeGreaterThan(3);
  expect(one.network.lastHeardMs(2)).toBeDefined();
  expect(ended).toEqual([]);
});

test("PeerNetwork does not take a process for ended whose connections broke while it listens", async () => {
  const { world, one, ended } = await watchedPair();
  for (let round = 0; round < 20; round++) {
    world.net.cut();
    await world.run(30 * round);
  }
  expect(one.network.counters.control.disconnects).toBeGreaterThan(3);
  expect(ended).toEqual([]);
});

test("PeerNetwork does not take a process for ended that cannot be reached", async () => {
  const { world, one, ended } = await watchedPair();
  world.net.isBlocked = true;
  world.net.cut();
  await world.run(20_000);
  expect(one.network.connectedPeers()).toEqual([]);
  expect(ended).toEqual([]);
});

test("PeerNetwork says nothing of a process that it never heard", async () => {
  const world = new SimulatedPeers();
  const ended: number[] = [];
  const one = await world.start(1, 7001, {}, { onProcessEnded: (id) => ended.push(id) });
  world.addresses.set(2, { host: "host", port: 7002 });
  one.network.connect(2);
  await world.run(5_000);
  expect(one.network.counters.control.connectFailures).toBeGreaterThan(3);
  expect(ended).toEqual([]);
});
