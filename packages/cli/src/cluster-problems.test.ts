import type { DescribeBrokerHealthResponse, DescribeClusterResponse } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { clusterProblems, healthStatus, type Problem } from "./cluster-problems.ts";

type Broker = DescribeClusterResponse["brokers"][number];

function broker(brokerId: number, changes: Partial<Broker> = {}): Broker {
  return {
    brokerId,
    host: "h",
    port: 7700 + brokerId,
    rack: "",
    alive: true,
    version: "0.1.0",
    ledPartitionCount: 10,
    replicaCount: 30,
    state: "ACTIVE",
    directoryId: `d${brokerId}`,
    startCount: 1,
    diskCapacityBytes: 0,
    controllerRole: "VOTER",
    featureLevelMin: 1,
    featureLevelMax: 1,
    peerHost: "h",
    peerPort: 7710 + brokerId,
    ...changes,
  };
}

function own(
  brokerId: number,
  changes: Partial<DescribeBrokerHealthResponse> = {},
): DescribeBrokerHealthResponse {
  return {
    brokerId,
    diskState: "SOUND",
    loopBlocked: false,
    notReadyReason: "",
    underReplicated: [],
    underReplicatedCount: 0,
    absentReplicaCount: 0,
    ...changes,
  };
}

interface Changes {
  readonly cluster?: Partial<DescribeClusterResponse>;
  readonly brokers?: readonly Partial<Broker>[];
  readonly health?: readonly (Partial<DescribeBrokerHealthResponse> | undefined)[];
}

/** What is found in a cluster of three that is healthy but for the changes. */
function found({ brokers = [], cluster = {}, health = [] }: Changes): Problem[] {
  const ids = [1, 2, 3];
  const answers = ids.flatMap((id) => {
    const changed = id - 1 in health ? health[id - 1] : {};
    return changed === undefined ? [] : [own(id, changed)];
  });
  return clusterProblems({
    cluster: {
      clusterId: "c",
      controllerId: 1,
      brokerId: 1,
      topicCount: 1,
      partitionCount: 30,
      brokers: ids.map((id) => broker(id, brokers[id - 1])),
      leaderless: [],
      featureLevel: 1,
      ...cluster,
    },
    health: new Map(answers.map((each) => [each.brokerId, each])),
  });
}

function told(problems: readonly Problem[]): string[] {
  return problems.map(({ kind, severity }) => `${severity} ${kind}`);
}

test("clusterProblems() finds none in a healthy cluster", () => {
  expect(found({})).toEqual([]);
  expect(healthStatus(found({}))).toBe(0);
});

test("clusterProblems() names what cannot be used first, and how brokers that are silent are started", () => {
  const leaderless = Array.from({ length: 7 }, (_, partition) => ({ topic: "orders", partition }));
  const problems = found({
    cluster: { controllerId: 0, leaderless },
    brokers: [{}, { alive: false }, { alive: false }],
  });
  expect(told(problems)).toEqual([
    "critical no-controller",
    "critical leaderless-partitions",
    "warning silent-broker",
    "warning silent-broker",
  ]);
  expect(problems[1]).toMatchObject({
    what: "7 partitions have no leader (orders/0, orders/1, orders/2, orders/3, orders/4, …)",
    mend: "start brokers 2, 3 again, each with its data directory; how is said where a broker is called silent",
  });
  expect(problems[2]).toMatchObject({
    what: "broker 2 (h:7702) is silent: 30 replicas lack it",
    mend: [
      "where its data directory is there, start it again with the flags that it had: ropewalk broker --id 2 --peers 1=h:7711,2=h:7712 --data-dir DIRECTORY",
      "without a majority of the brokers that vote on the metadata no broker can be replaced: bring one back with its data first",
    ].join("\n"),
  });
  expect(healthStatus(problems)).toBe(2);
});

test("clusterProblems() puts another broker where the one was that is gone", () => {
  const [problem] = found({ brokers: [{}, { alive: false, rack: "b" }] });
  expect(problem?.mend.split("\n")).toEqual([
    "where its data directory is there, start it again with the flags that it had: ropewalk broker --id 2 --peers 1=h:7711,2=h:7712,3=h:7713 --rack b --data-dir DIRECTORY",
    "where its disk is lost, the same with an empty directory: it gets everything from the others",
    "where it is gone for good, start another one, with the listen and advertise flags of its machine: ropewalk broker --id 4 --peers 1=h:7711,3=h:7713 --rack b --data-dir DIRECTORY; then: ropewalk broker decommission 2",
  ]);
});

test.each([
  ["FENCED", "is silent and fenced: 30", "ropewalk broker decommission 2"],
  ["DRAINED", "is silent and was drained: 30", "ropewalk broker undrain 2"],
  ["DECOMMISSIONING", "is silent and on its way out", "ropewalk partitions list-reassignments"],
] as const)(
  "clusterProblems() tells a silent broker that is %s by what was done with it",
  (state, what, mend) => {
    const [problem, ...others] = found({ brokers: [{}, { alive: false, state }] });
    expect(others).toEqual([]);
    expect(problem?.kind).toBe("silent-broker");
    expect(problem?.what).toContain(what);
    expect(problem?.mend).toContain(mend);
  },
);

test("clusterProblems() tells a broker that is there and fenced, and not one that was drained", () => {
  expect(told(found({ brokers: [{}, { state: "FENCED" }] }))).toEqual(["warning fenced-broker"]);
  for (const state of ["DRAINING", "DRAINED", "DECOMMISSIONING"] as const) {
    expect(found({ brokers: [{}, { state, ledPartitionCount: 0 }] })).toEqual([]);
  }
});

test.each([
  [{ diskState: "FULL" }, "critical full-disk"],
  [{ diskState: "STALLED" }, "warning stalled-disk"],
  [{ diskState: "FAILED", notReadyReason: "the disk failed" }, "warning failed-disk"],
  [{ notReadyReason: "stopping" }, "warning broker-not-ready"],
  [{ loopBlocked: true }, "warning blocked-loop"],
  [{ absentReplicaCount: 2 }, "warning absent-replicas"],
] as const)("clusterProblems() tells a broker's %o", (changes, problem) => {
  const problems = found({ health: [{}, changes] });
  expect(told(problems)).toEqual([problem]);
  expect(problems[0]?.what).toMatch(/^broker 2 \(h:7702\) /);
});

test("clusterProblems() tells a broker that others hear and that does not answer", () => {
  expect(told(found({ health: [{}, undefined] }))).toEqual(["warning broker-not-answering"]);
});

test("clusterProblems() counts what is under-replicated over all leaders, and names who lags", () => {
  const lags = (partition: number) => ({
    underReplicated: [{ topic: "orders", partition, replicaIds: [3] }],
    underReplicatedCount: 1,
  });
  const [problem] = found({ health: [lags(0), lags(4)] });
  expect(problem).toMatchObject({
    kind: "under-replicated-partitions",
    what: "2 partitions are under-replicated (orders/0, orders/4): brokers 3 lack records",
  });
  expect(healthStatus([problem as Problem])).toBe(1);
});

test("clusterProblems() tells versions apart, and which is the newest", () => {
  const [problem] = found({
    brokers: [{ version: "0.9.0" }, { version: "0.10.0" }, { version: "0.10.0" }],
  });
  expect(problem?.what).toBe("brokers run different versions: 0.9.0 on 1; 0.10.0 on 2, 3");
  expect(problem?.mend).toContain("with version 0.10.0");
});

test("clusterProblems() tells a broker that leads far more than its share, but for a few partitions", () => {
  const leads = (...counts: number[]) =>
    found({ brokers: counts.map((ledPartitionCount) => ({ ledPartitionCount })) });
  expect(leads(30, 0, 0)[0]?.what).toBe("broker 1 leads 30 partitions, its share is 10");
  expect(leads(14, 8, 8)).toEqual([]);
  expect(leads(3, 0, 0)).toEqual([]);
});

test("clusterProblems() tells that every broker knows a feature level that the cluster is not at", () => {
  const newer = { featureLevelMax: 2 };
  expect(found({ brokers: [newer, newer] })).toEqual([]);
  const [problem, ...others] = found({ brokers: [newer, newer, newer] });
  expect(others).toEqual([]);
  expect(problem).toMatchObject({
    kind: "feature-level",
    severity: "warning",
    what: "every broker knows feature level 2, and the cluster is at 1",
  });
  expect(problem?.mend).toContain("ropewalk cluster upgrade");
});

test("clusterProblems() tells that the metadata has no voter to spare, and what starts a third", () => {
  const problems = found({ cluster: { brokers: [broker(1), broker(3)] } });
  expect(problems).toEqual([
    {
      kind: "few-metadata-voters",
      severity: "warning",
      what: "only brokers 1, 3 vote on the metadata: while either is away, topics, configs and brokers cannot be changed",
      mend: "start another broker, and three vote: ropewalk broker --id 4 --peers 1=h:7711,3=h:7713 --data-dir DIRECTORY",
    },
  ]);
  expect(found({ cluster: { brokers: [broker(1)] } })).toEqual([]);
});

test("clusterProblems() tells of a third voter that is on its way, and starts none for one that is to leave", () => {
  const [problem, ...others] = found({ brokers: [{}, {}, { controllerRole: "LEARNER" }] });
  expect(others).toEqual([]);
  expect(problem?.kind).toBe("few-metadata-voters");
  expect(problem?.mend).toContain("wait until broker 3 has all of the metadata");
  const [left] = found({
    brokers: [{}, {}, { controllerRole: "LEARNER", state: "DECOMMISSIONING" }],
  });
  expect(left?.mend).toContain("start another broker, and three vote: ropewalk broker --id 4 ");
});

test("clusterProblems() tells of a broker that alone has a vote on the metadata of several", () => {
  const one = found({
    brokers: [{}, { controllerRole: "LEARNER" }, { controllerRole: "LEARNER" }],
  });
  expect(one[0]?.what).toContain("broker 1 alone votes on the metadata");
});
