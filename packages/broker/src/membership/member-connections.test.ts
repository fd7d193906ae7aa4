import { expect, test } from "vitest";
import { MetadataImage } from "../controller/metadata-image.ts";
import type { BrokerRegistration } from "../controller/broker-registration.ts";
import { MemberConnections } from "./member-connections.ts";

function registration(brokerId: number, directoryId: string): BrokerRegistration {
  return {
    brokerId,
    directoryId,
    rack: "",
    version: "0.1.0",
    startCount: 1,
    diskCapacityBytes: 1,
    featureLevels: { min: 1, max: 1 },
    client: { host: "localhost", port: 1 },
    peer: { host: "localhost", port: 2 },
  };
}

test("MemberConnections.update() ends what there was with an incarnation that was replaced, and says so before it connects the new one", () => {
  const image = new MetadataImage();
  const deeds: string[] = [];
  const connections = new MemberConnections({
    brokerId: 1,
    image,
    peers: () => ({
      connect: (id) => deeds.push(`connect ${id}`),
      disconnect: (id) => deeds.push(`disconnect ${id}`),
    }),
    replaced: (id) => deeds.push(`replaced ${id}`),
    removed: (id) => deeds.push(`removed ${id}`),
  });
  const register = (brokerId: number, directoryId: string, replacedDirectoryId = ""): void => {
    const broker = registration(brokerId, directoryId);
    image.apply({ kind: "brokerRegistered", broker, replacedDirectoryId }, 1);
    connections.update();
  };
  connections.open();
  register(1, "a");
  register(2, "b");
  register(2, "b");
  expect(deeds.splice(0)).toEqual(["connect 2"]);
  register(2, "c", "b");
  expect(deeds).toEqual(["disconnect 2", "replaced 2", "connect 2"]);
});

test("MemberConnections.update() ends what goes to a broker that was removed, as often as something might go to it again", () => {
  const image = new MetadataImage();
  const deeds: string[] = [];
  const connections = new MemberConnections({
    brokerId: 1,
    image,
    peers: () => ({
      connect: (id) => deeds.push(`connect ${id}`),
      disconnect: (id) => deeds.push(`disconnect ${id}`),
    }),
    replaced: (id) => deeds.push(`replaced ${id}`),
    removed: (id) => deeds.push(`removed ${id}`),
  });
  connections.open();
  const register = (directoryId: string): void => {
    const broker = registration(2, directoryId);
    image.apply({ kind: "brokerRegistered", broker, replacedDirectoryId: "" }, 1);
    connections.update();
  };
  register("b");
  deeds.length = 0;
  const change = { kind: "brokerStateChanged", brokerId: 2, directoryId: "b" } as const;
  image.apply({ ...change, life: "removed" }, 2);
  connections.update();
  expect(deeds.slice(-2)).toEqual(["disconnect 2", "removed 2"]);
  deeds.length = 0;
  connections.update();
  expect(deeds).toEqual(["disconnect 2", "removed 2"]);
  deeds.length = 0;
  register("c");
  connections.update();
  expect(deeds).toEqual(["connect 2"]);
});
