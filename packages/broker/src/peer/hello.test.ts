import type { Address } from "@ropewalk/runtime";
import { describe, expect, test } from "vitest";
import { helloFault } from "./hello.ts";
import type { Hello } from "./hello.ts";
import { SimulatedPeers } from "../../fakes/simulated-peers.ts";

describe("the handshake", () => {
  test("refuses what verifyPeer refuses, says why once on each side, and retries slowly", async () => {
    const world = new SimulatedPeers();
    const one = await world.start(1, 7001);
    let reason: string | undefined = "directory d1 is not a member";
    await world.start(2, 7002, {}, { verifyPeer: () => reason });
    one.network.connect(2);
    await world.run(60_000);
    expect(one.network.counters.control.refusals).toBeLessThan(65);
    expect(one.network.counters.control.refusals).toBeGreaterThan(20);
    const lines = world.logs.filter((line) => line.includes("directory d1 is not a member"));
    expect(lines).toHaveLength(2);
    reason = undefined;
    await world.run(3_000);
    expect(one.network.connectedPeers()).toEqual([2]);
  });

  test("refuses another cluster, but not a broker that knows of none yet", async () => {
    const world = new SimulatedPeers();
    const one = await world.start(1, 7001, {}, { clusterId: () => "blue" });
    let clusterId = "green";
    await world.start(2, 7002, {}, { clusterId: () => clusterId });
    one.network.connect(2);
    await world.run(1_000);
    expect(one.network.connectedPeers()).toEqual([]);
    expect(world.logs.join("\n")).toContain(
      "broker 1 belongs to cluster blue, broker 2 to cluster green",
    );
    clusterId = "";
    await world.run(3_000);
    expect(one.network.connectedPeers()).toEqual([2]);
  });

  test("says where the one who connects is reached, unless it does not say so", async () => {
    const world = new SimulatedPeers();
    const said: unknown[] = [];
    const onAddressSaid = (brokerId: number, address: Address): void => {
      said.push([brokerId, address]);
    };
    await world.start(2, 7002, {}, { onAddressSaid });
    const one = await world.start(1, 7001, {}, { advertise: { host: "one", port: 7999 } });
    const three = await world.start(3, 7003);
    for (const { network } of [one, three]) network.connect(2);
    await world.run(1_000);
    expect([one, three].map(({ network }) => network.connectedPeers())).toEqual([[2], [2]]);
    expect(said).toEqual([[1, { host: "one", port: 7999 }]]);
  });

  test("refuses a broker that reaches itself, and one that reaches the wrong broker", async () => {
    const world = new SimulatedPeers();
    const one = await world.start(1, 7001);
    await world.start(2, 7002);
    world.addresses.set(2, { host: "host", port: 7001 });
    one.network.connect(2);
    world.addresses.set(3, { host: "host", port: 7002 });
    one.network.connect(3);
    await world.run(1_000);
    const logs = world.logs.join("\n");
    expect(logs).toContain("broker 1 connected to itself");
    expect(logs).toContain("wrong address: broker 2 answers here, not broker 3");
    expect(one.network.connectedPeers()).toEqual([]);
  });

  test("names both directories when a broker id is taken twice", async () => {
    const world = new SimulatedPeers();
    await world.start(2, 7002);
    const twin = await world.start(2, 7003, {}, { directoryId: "other" });
    world.addresses.set(4, { host: "host", port: 7002 });
    twin.network.connect(4);
    await world.run(500);
    expect(world.logs.join("\n")).toContain(
      "broker id 2 is taken twice: by data directory directory-2 and by other",
    );
  });

  test("closes strangers that speak another protocol or nothing at all", async () => {
    const world = new SimulatedPeers();
    const one = await world.start(1, 7001);
    const closed: string[] = [];
    const dial = async (name: string, bytes: Uint8Array): Promise<void> => {
      const connection = await world.net.connect({ host: "host", port: 7001 }, 1000, () => ({
        onData: () => {},
        onDrain: () => {},
        onClose: () => closed.push(name),
      }));
      if (bytes.length > 0) connection.send([bytes]);
    };
    void dial("http", Buffer.from("GET / HTTP/1.1\r\nHost: broker\r\n\r\n"));
    void dial("silent", Buffer.alloc(0));
    await world.run(1_000);
    expect(closed).toEqual(["http"]);
    await world.run(6_000);
    expect(closed).toEqual(["http", "silent"]);
    expect(one.network.lastHeardMs(0)).toBeUndefined();
  });

  test("helloFault() refuses versions that do not overlap, and takes those that do", () => {
    const self = { brokerId: 2, directoryId: "two", clusterId: "" };
    const hello = (versionMin: number, versionMax: number): Hello => ({
      brokerId: 1,
      directoryId: "one",
      clusterId: "",
      lane: "control",
      targetBrokerId: 2,
      versionMin,
      versionMax,
    });
    expect(helloFault(hello(3, 4), self)).toBe(
      "no protocol version in common: 3 to 4 against 1 to 2",
    );
    expect(helloFault(hello(1, 3), self)).toBeUndefined();
  });

  test("bounds the connections that have not said hello", async () => {
    const world = new SimulatedPeers();
    await world.start(1, 7001, { greetingCountMax: 3 });
    let closedCount = 0;
    for (let count = 0; count < 10; count++) {
      void world.net.connect({ host: "host", port: 7001 }, 1000, () => ({
        onData: () => {},
        onDrain: () => {},
        onClose: () => (closedCount += 1),
      }));
    }
    await world.run(100);
    expect(closedCount).toBe(7);
  });
});
