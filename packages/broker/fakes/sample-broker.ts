import { type BrokerImage, newBrokerLife } from "../src/controller/broker-life.ts";
import type { BrokerRegistration } from "../src/controller/broker-registration.ts";

/** What a broker says of itself when it comes, where it does not matter what that is. */
export function sampleRegistration(
  brokerId: number,
  changes: Partial<BrokerRegistration> = {},
): BrokerRegistration {
  return {
    brokerId,
    directoryId: `dir-${brokerId}`,
    client: { host: "localhost", port: 7700 },
    peer: { host: "localhost", port: 7710 },
    rack: "",
    version: "0.1.0",
    startCount: 1,
    diskCapacityBytes: 0,
    featureLevels: { min: 1, max: 1 },
    ...changes,
  };
}

/** The same broker as the metadata has it. */
export function sampleBroker(brokerId: number, changes: Partial<BrokerImage> = {}): BrokerImage {
  return { ...sampleRegistration(brokerId), ...newBrokerLife, ...changes };
}
