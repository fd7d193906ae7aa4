import { expect, test } from "vitest";
import { MetadataImage } from "./controller/metadata-image.ts";
import type { BrokerRegistration } from "./controller/broker-registration.ts";
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
    gone: (id) => deeds.push(`gone ${id}`),
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
  expect(deeds).toEqual(["disconnect 2", "gone 2", "connect 2"]);
});
