import { expect, test } from "vitest";

import { devAddresses, devBanner, devBrokerConfigs } from "./dev-layout.ts";

const layout = { brokerCount: 3, portBase: 7700, dataDirectory: "/data" };

test("devBrokerConfigs() gives every broker ports and a directory of its own", () => {
  const configs = devBrokerConfigs(layout);
  expect(configs.map((config) => config.dataDirectory)).toEqual([
    "/data/broker-1",
    "/data/broker-2",
    "/data/broker-3",
  ]);
  expect(configs[2]).toMatchObject({
    brokerId: 3,
    client: { listen: { host: "127.0.0.1", port: 7702 }, advertise: { port: 7702 } },
    peer: { listen: { port: 7712 } },
    http: { listen: { port: 7722 } },
  });
  expect(configs[0]?.bootstrap).toEqual([
    { brokerId: 1, address: { host: "127.0.0.1", port: 7710 } },
    { brokerId: 2, address: { host: "127.0.0.1", port: 7711 } },
    { brokerId: 3, address: { host: "127.0.0.1", port: 7712 } },
  ]);
});

test("devAddresses() of ten brokers are all different", () => {
  const addresses = devAddresses(devBrokerConfigs({ ...layout, brokerCount: 10 }));
  expect(new Set(addresses.map((address) => address.port)).size).toBe(30);
});

test("devBanner() names endpoints, directory, durability and commands that reach this cluster", () => {
  const facts = { version: "1.2.3", readyMs: 312.4, ephemeral: false };
  const banner = devBanner(layout, facts);
  expect(banner).toContain("Ropewalk 1.2.3: 3 brokers are ready after 312 ms.");
  expect(banner).toContain("localhost:7700, localhost:7701, localhost:7702");
  expect(banner).toContain("/data (kept for the next start)");
  expect(banner).toContain("majority of its replicas (3)");
  expect(banner).toContain("npx ropewalk topic create orders --partitions 3\n");
  const moved = devBanner(
    { ...layout, portBase: 8700, brokerCount: 1 },
    { ...facts, ephemeral: true },
  );
  expect(moved).toContain("1 broker is ready");
  expect(moved).toContain("removed at exit");
  expect(moved).toContain("npx ropewalk produce orders -b localhost:8700\n");
});
