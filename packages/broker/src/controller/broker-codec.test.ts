import { ByteWriter } from "@ropewalk/protocol";
import { encodeBrokerLifeState, encodeBrokerRegistered } from "@ropewalk/protocol/internal";
import { describe, expect, test } from "vitest";
import { decodeBrokerState, encodeBrokerState, registrationMessage } from "./broker-codec.ts";
import { type BrokerImage, newBrokerLife } from "./broker-life.ts";

const broker: BrokerImage = {
  ...newBrokerLife,
  brokerId: 3,
  directoryId: "d",
  directoryIndex: 700,
  client: { host: "c", port: 1 },
  peer: { host: "p", port: 2 },
  rack: "r",
  version: "1",
  startCount: 4,
  diskCapacityBytes: 5,
  featureLevels: { min: 1, max: 2 },
};

describe("decodeBrokerState()", () => {
  test("decodeBrokerState() reads back what was kept of a broker", () => {
    expect(decodeBrokerState(encodeBrokerState(broker))).toEqual(broker);
  });

  test("decodeBrokerState() reads what a version kept that did not know since when a directory is there", () => {
    const kept = new ByteWriter(64)
      .bytes(encodeBrokerRegistered(registrationMessage(broker)))
      .bytes(encodeBrokerLifeState({ duty: "DRAINED", fenced: true }))
      .finish();
    const life = { duty: "drained", fenced: true, directoryIndex: undefined };
    expect(decodeBrokerState(kept)).toEqual({ ...broker, ...life });
  });
});
