import { expect, test } from "vitest";

import { formatBrokers } from "./broker-list.ts";

test("formatBrokers() shows where every broker is in its life", () => {
  const broker = {
    brokerId: 1,
    host: "a",
    port: 7700,
    rack: "r1",
    alive: true,
    version: "0.1.0",
    ledPartitionCount: 3,
    replicaCount: 9,
    state: "ACTIVE",
    directoryId: "d",
    startCount: 2,
    diskCapacityBytes: 100 * 1024 ** 3,
    controllerRole: "VOTER",
    featureLevelMin: 1,
    featureLevelMax: 1,
    peerHost: "a",
    peerPort: 7710,
  } as const;
  const fenced = { ...broker, brokerId: 2, rack: "", state: "FENCED" } as const;
  const later = { ...fenced, diskCapacityBytes: 0, controllerRole: "LEARNER" } as const;
  expect(formatBrokers([broker, later])).toBe(
    [
      "BROKER  ADDRESS  STATE   LEADS  REPLICAS  RACK  DISK    VOTES    STARTS  VERSION",
      "     1  a:7700   active      3         9  r1    100GiB  voter         2  0.1.0",
      "     2  a:7700   fenced      3         9  -     -       learner       2  0.1.0",
      "",
    ].join("\n"),
  );
});
