import type { Logger } from "@ropewalk/runtime";
import { RopewalkError } from "@ropewalk/protocol";
import { peerService } from "@ropewalk/protocol/internal";
import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { RemoteCaller } from "../remote-caller.ts";
import { ClusterEntry } from "./cluster-entry.ts";

const logger: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => logger };
const minuteMs = 60_000;

/** Broker 1 of three without data, of which the other two know of no cluster either. */
function newEntry(lastHeardMs: () => number | undefined = () => undefined): {
  readonly clock: SimulatedClock;
  readonly entry: ClusterEntry;
  readonly outcomes: unknown[];
} {
  const clock = new SimulatedClock();
  const none = { clusterId: "", bootstrapIds: [1, 2, 3], controllerId: 0, brokers: [] };
  const caller = new RemoteCaller(1, 1000, () => ({
    request: (_to, method) =>
      method === peerService.describeEntry.path
        ? Promise.resolve(peerService.describeEntry.responseSerialize(none))
        : Promise.reject(new RopewalkError("NOT_LEADER", "nobody takes anybody in")),
  }));
  const entry = new ClusterEntry({
    clock,
    logger,
    caller,
    brokerId: 1,
    namedIds: [1, 2, 3],
    mayForm: true,
    graceMs: 1000,
    callTimeoutMs: 1000,
    lastHeardMs,
  });
  const outcomes: unknown[] = [];
  const registration = {} as Parameters<ClusterEntry["run"]>[0];
  entry.clusterSeen(3, "lost");
  void entry.run(registration).then((entered) => outcomes.push(entered));
  return { clock, entry, outcomes };
}

test("ClusterEntry forms no cluster while a broker of one comes again and again, and does a minute after it stopped", async () => {
  const { clock, entry, outcomes } = newEntry();
  for (let round = 0; round < 20; round++) {
    await clock.run(2_000);
    entry.clusterSeen(3, "lost");
  }
  expect(outcomes).toEqual([]);
  expect(entry.reason).toContain("broker 3 of cluster lost takes this broker for one of it");
  await clock.run(minuteMs - 1);
  expect(outcomes).toEqual([]);
  await clock.run(1_000);
  expect(outcomes).toEqual([{ kind: "formed" }]);
  entry.stop();
});

test("ClusterEntry forms no cluster while a broker of one stays connected", async () => {
  const heard = { atMs: 0 };
  const { clock, entry, outcomes } = newEntry(() => heard.atMs);
  for (let round = 0; round < 200; round++) {
    heard.atMs = clock.monotonicMs();
    await clock.run(500);
  }
  expect(outcomes).toEqual([]);
  await clock.run(minuteMs + 1_000);
  expect(outcomes).toEqual([{ kind: "formed" }]);
  entry.stop();
});
