import { RopewalkError } from "@ropewalk/protocol";
import { createMessage } from "raft-ts";
import { describe, expect, test } from "vitest";
import { SimulatedPeers } from "../../fakes/simulated-peers.ts";

const group = { groupId: 1, incarnation: 1 };
const heartbeat = { ...createMessage("MsgHeartbeat", 2), from: 1, term: 1 };

describe("PeerNetwork.request()", () => {
  test("brings small and large bodies there and back", async () => {
    const world = new SimulatedPeers();
    const { one } = await world.startPair();
    for (const bytes of [0, 10, 64 * 1024, 64 * 1024 + 1, 3_000_000]) {
      const echo = one.network.request(2, "echo", Buffer.alloc(bytes, 7), 5_000);
      await world.run(500);
      expect(Buffer.compare(await echo, Buffer.alloc(bytes, 7))).toBe(0);
    }
    expect(one.network.counters.control.requestsSent).toBe(3);
    expect(one.network.counters.bulk.requestsSent).toBe(2);
  });

  test("rejects with the peer's own error, and hides what is not meant for it", async () => {
    const world = new SimulatedPeers();
    const { one } = await world.startPair();
    const refused = errorOf(one.network.request(2, "refuse", Buffer.alloc(0), 1_000));
    const crashed = errorOf(one.network.request(2, 42, Buffer.alloc(0), 1_000));
    await world.run(100);
    expect(await refused).toMatchObject({ code: "NOT_LEADER", message: "Not here.", leaderId: 3 });
    expect(await crashed).toMatchObject({ code: "UNKNOWN_SERVER_ERROR" });
    expect((await crashed).message).not.toContain("secret");
  });

  test("is indefinite when the connection breaks after it was sent, definite when it never was", async () => {
    const world = new SimulatedPeers();
    const { one } = await world.startPair();
    const sent = errorOf(one.network.request(2, "never", Buffer.alloc(0), 60_000));
    await world.run(100);
    world.net.isBlocked = true;
    world.net.cut();
    await world.run(10);
    expect(await sent).toMatchObject({ code: "UNKNOWN_OUTCOME", outcome: "indefinite" });
    const unsent = errorOf(one.network.request(2, "echo", Buffer.alloc(0), 300));
    await world.run(400);
    expect(await unsent).toMatchObject({ code: "LEADER_NOT_AVAILABLE", outcome: "definite" });
  });

  test("waits for a connection, and times out when there is no answer", async () => {
    const world = new SimulatedPeers();
    const { one } = await world.startPair();
    world.net.isBlocked = true;
    world.net.cut();
    await world.run(2_000);
    const late = one.network.request(2, "echo", Buffer.from("late"), 60_000);
    world.net.isBlocked = false;
    await world.run(2_000);
    expect(Buffer.from(await late).toString()).toBe("late");
    const unanswered = errorOf(one.network.request(2, "never", Buffer.alloc(0), 700));
    await world.run(800);
    expect(await unanswered).toMatchObject({ code: "REQUEST_TIMED_OUT", outcome: "indefinite" });
  });

  test("bounds what waits on either side", async () => {
    const world = new SimulatedPeers();
    const { one } = await world.startPair({ requestCountMax: 20, handledCountMax: 5 });
    const errors = Array.from({ length: 30 }, () =>
      errorOf(one.network.request(2, "never", Buffer.alloc(0), 1_000)),
    );
    await world.run(2_000);
    const codes = (await Promise.all(errors)).map(({ code }) => code);
    expect(codes.filter((code) => code === "BUSY")).toHaveLength(10 + 15);
    expect(codes.filter((code) => code === "REQUEST_TIMED_OUT")).toHaveLength(5);
  });

  test("fails at once when the network was closed, and close() fails what waits", async () => {
    const world = new SimulatedPeers();
    const { one } = await world.startPair();
    const waiting = errorOf(one.network.request(2, "never", Buffer.alloc(0), 60_000));
    await world.run(100);
    await one.network.close();
    expect(await waiting).toMatchObject({ code: "UNKNOWN_OUTCOME" });
    const after = errorOf(one.network.request(2, "echo", Buffer.alloc(0), 60_000));
    expect(await after).toMatchObject({ code: "LEADER_NOT_AVAILABLE" });
    expect(one.network.send(2, group, heartbeat)).toBe(false);
  });
});

async function errorOf(promise: Promise<unknown>): Promise<RopewalkError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof RopewalkError) return error;
    throw error;
  }
  throw new Error("the request succeeded");
}
