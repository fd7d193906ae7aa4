import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { anonymous } from "../ports.ts";
import { HealthReport, type HealthReportOptions } from "./health-report.ts";
import type { LedPartition } from "./under-replication.ts";

function reportWith(changes: Partial<HealthReportOptions>): HealthReport {
  return new HealthReport({
    brokerId: 2,
    clock: new SimulatedClock(),
    fitness: () => "sound",
    isDiskFull: () => false,
    isDiskFailed: () => false,
    notReady: () => undefined,
    led: () => [],
    absentReplicaCount: () => 0,
    ...changes,
  });
}

test("HealthReport answers at once where nothing is suspect", async () => {
  expect(await reportWith({}).describe(anonymous)).toEqual({
    brokerId: 2,
    disk: "sound",
    isLoopBlocked: false,
    notReady: undefined,
    underReplicated: [],
    absentReplicaCount: 0,
  });
});

test("HealthReport says the worst of a disk that failed, stands still and is full", async () => {
  const full = { isDiskFull: () => true };
  const stalled = { ...full, fitness: () => "diskStalled" as const };
  const diskOf = async (changes: Partial<HealthReportOptions>): Promise<string> =>
    (await reportWith(changes).describe(anonymous)).disk;
  expect(await diskOf(full)).toBe("full");
  expect(await diskOf(stalled)).toBe("stalled");
  expect(await diskOf({ ...stalled, isDiskFailed: () => true })).toBe("failed");
});

test("HealthReport looks twice at a partition whose replicas are behind", async () => {
  const clock = new SimulatedClock();
  const at = (partition: number, matchIndex: number): LedPartition => ({
    topic: "orders",
    partition,
    term: 1,
    committedIndex: 10,
    members: [{ brokerId: 3, matchIndex, isAlive: true }],
  });
  const looks = [
    [at(0, 4), at(1, 4)],
    [at(0, 4), at(1, 10)],
  ];
  const described = reportWith({ clock, led: () => looks.shift() ?? [] }).describe(anonymous);
  await clock.run(1000);
  expect((await described).underReplicated).toEqual([
    { topic: "orders", partition: 0, replicaIds: [3] },
  ]);
});

test("HealthReport.describe() does not begin what the one who asks will not wait for", async () => {
  const clock = new SimulatedClock();
  const lagging: LedPartition = {
    topic: "orders",
    partition: 0,
    term: 1,
    committedIndex: 10,
    members: [{ brokerId: 3, matchIndex: 4, isAlive: true }],
  };
  const report = reportWith({ clock, led: () => [lagging] });
  await expect(report.describe(anonymous, { timeoutMs: 999 })).rejects.toMatchObject({
    code: "REQUEST_TIMED_OUT",
    message: expect.stringContaining("within 999 ms"),
  });
  expect(clock.timerCount).toBe(0);
  const described = report.describe(anonymous, { timeoutMs: 1_000 });
  await clock.run(1_000);
  expect((await described).underReplicated).toHaveLength(1);
});
