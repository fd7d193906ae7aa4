import { rmSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CountingDoor } from "./counting-door.ts";
import { metricOf } from "./metric-of.ts";
import { NumberedStream } from "./numbered-stream.ts";
import { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { waitFor } from "./wait-for.ts";

interface ListedBroker {
  readonly brokerId: number;
  readonly state: string;
  readonly ledPartitionCount: number;
  readonly replicaCount: number;
  readonly directoryId: string;
  readonly controllerRole: string;
}

const deadlineMs = 60_000;

/** The addresses for clients of some brokers. */
function doorsOf(cluster: ProcessCluster, ids: readonly number[]): string[] {
  return ids.map((id) => `127.0.0.1:${cluster.clientPort(id)}`);
}

async function run(
  args: readonly string[],
  bootstrapServers: readonly string[],
  input = "",
): Promise<string> {
  const { status, stderr, stdout } = await ropewalk(args, { bootstrapServers, input });
  expect({ args, status, error: status === 0 ? "" : stderr }).toEqual({
    args,
    status: 0,
    error: "",
  });
  return stdout.toString();
}

async function refusal(
  args: readonly string[],
  bootstrapServers: readonly string[],
): Promise<string> {
  const { status, stderr } = await ropewalk(args, { bootstrapServers });
  expect({ args, status }).toEqual({ args, status: 1 });
  return stderr;
}

async function listed(doors: readonly string[]): Promise<readonly ListedBroker[]> {
  const out = await run(["broker", "list", "--format", "json"], doors);
  return JSON.parse(out) as ListedBroker[];
}

/** Waits until a broker is as it should be, as others see it. */
async function untilListed(
  doors: readonly string[],
  id: number,
  is: (broker: ListedBroker | undefined) => boolean,
): Promise<void> {
  let brokers: readonly ListedBroker[] = [];
  await waitFor(
    () => `broker ${id} is as it should be, and not ${JSON.stringify(brokers)}`,
    deadlineMs,
    async () => {
      brokers = await listed(doors);
      return is(brokers.find(({ brokerId }) => brokerId === id));
    },
  );
}

async function untilReady(cluster: ProcessCluster, id: number): Promise<void> {
  await waitFor(
    () => `broker ${id} is ready; its log:\n${cluster.log(id)}`,
    deadlineMs,
    async () => (await readiness(cluster, id)).status === 200,
  );
}

async function readiness(
  cluster: ProcessCluster,
  id: number,
): Promise<{ readonly status: number; readonly body: string }> {
  const answer = await fetch(`${cluster.httpUrl(id)}/readyz`).catch(() => undefined);
  return { status: answer?.status ?? 0, body: (await answer?.text()) ?? "" };
}

async function clusterIdFrom(door: string): Promise<string> {
  const info = await run(["cluster", "info", "--format", "json"], [door]);
  return (JSON.parse(info) as { readonly clusterId: string }).clusterId;
}

describe("brokers that form a cluster", () => {
  test("need a majority of those that are named, and make one cluster though two of five never come", async () => {
    await using cluster = await ProcessCluster.prepare(5);
    for (const id of [5, 2]) cluster.spawn(id);
    await waitFor(
      () => `broker 5 hears broker 2; its log:\n${cluster.log(5)}`,
      deadlineMs,
      async () => (await readiness(cluster, 5)).body.includes("2 of the 5 brokers"),
    );
    cluster.spawn(4);
    await cluster.ready();
    const doors = doorsOf(cluster, [5, 2, 4]);
    const ids = await Promise.all(doors.map(clusterIdFrom));
    expect(new Set(ids).size).toBe(1);
    await run(["topic", "create", "t", "-r", "3"], doors);
    // One of those that were missed comes at last: into the same cluster.
    cluster.spawn(1);
    await untilReady(cluster, 1);
    expect(await clusterIdFrom(doorsOf(cluster, [1])[0] ?? "")).toBe(ids[0]);
    // Who decides on the metadata are brokers that came.
    await untilListed(doors, 1, () => true);
    const votersOf = (brokers: readonly ListedBroker[]): number[] =>
      brokers.filter((each) => each.controllerRole === "VOTER").map((each) => each.brokerId);
    await waitFor("three brokers that came vote", deadlineMs, async () => {
      return votersOf(await listed(doors)).length === 3;
    });
  });

  test("form no second cluster while a broker of theirs is there, though most of them lost their disks", async () => {
    await using cluster = await ProcessCluster.prepare(4, "product", 3);
    for (const id of [1, 2, 3]) cluster.spawn(id);
    await cluster.ready();
    cluster.spawn(4);
    await cluster.ready();
    for (const id of [1, 2, 3]) await cluster.kill(id);
    for (const id of [1, 2]) {
      rmSync(cluster.dataDirectory(id), { recursive: true });
      cluster.spawn(id);
    }
    for (const id of [1, 2]) {
      await waitFor(
        () => `broker ${id} says what holds it up; its log:\n${cluster.log(id)}`,
        deadlineMs,
        async () => (await readiness(cluster, id)).body.includes("takes this broker for one of it"),
      );
    }
  });

  test("form none where they were told that there is one, though most of them lost their disks and nobody else is up", async () => {
    await using cluster = await ProcessCluster.start(3);
    for (const id of [1, 2, 3]) await cluster.kill(id);
    const environment = { ROPEWALK_INITIAL_CLUSTER_STATE: "existing" };
    for (const id of [1, 2]) {
      rmSync(cluster.dataDirectory(id), { recursive: true });
      cluster.change(id, { environment });
      cluster.spawn(id);
    }
    for (const id of [1, 2]) {
      await waitFor(
        () => `broker ${id} waits; its log:\n${cluster.log(id)}`,
        deadlineMs,
        async () =>
          (await readiness(cluster, id)).body.includes("started to join an existing cluster"),
      );
    }
  });

  test("have no place for the data of another cluster, and tell it why", async () => {
    await using cluster = await ProcessCluster.prepare(2);
    cluster.spawn(1, [1]);
    cluster.spawn(2, [2]);
    await cluster.ready();
    const [one = "", two = ""] = await Promise.all(doorsOf(cluster, [1, 2]).map(clusterIdFrom));
    expect(one).not.toBe(two);
    await cluster.stop(2);
    cluster.spawn(2, [1, 2]);
    const told = `has the data of cluster ${two}, and broker 1 of --peers belongs to cluster ${one}`;
    await waitFor(
      () => `broker 2 is refused; its log:\n${cluster.log(2)}`,
      deadlineMs,
      async () => (await readiness(cluster, 2)).body.includes(told),
    );
    expect(cluster.log(2)).toContain(told);
    expect((await readiness(cluster, 1)).status).toBe(200);
    expect(await listed(doorsOf(cluster, [1]))).toHaveLength(1);
  });
});

describe("a broker's life", () => {
  test("a broker that is killed is fenced, gets no new replicas, and is back when it is started", async () => {
    await using cluster = await ProcessCluster.start(3);
    const doors = doorsOf(cluster, [1, 2]);
    await run(["topic", "create", "t", "-p", "6", "-r", "3"], doors);
    await cluster.kill(3);
    await untilListed(doors, 3, (broker) => broker?.state === "FENCED");
    expect((await listed(doors)).find(({ brokerId }) => brokerId === 3)?.ledPartitionCount).toBe(0);
    expect(await refusal(["topic", "create", "more", "-r", "3"], doors)).toContain(
      "broker 3 is fenced",
    );
    cluster.spawn(3);
    await untilListed(doors, 3, (broker) => broker?.state === "ACTIVE");
    await run(["topic", "create", "more", "-r", "3"], doors);
  });

  test("a new broker joins by being started with some of the cluster's addresses, and is taken out again", async () => {
    await using cluster = await ProcessCluster.prepare(4);
    for (const id of [1, 2, 3]) cluster.spawn(id, [1, 2, 3]);
    await cluster.ready();
    const doors = doorsOf(cluster, [1, 2, 3]);
    await run(["topic", "create", "before", "-r", "3"], doors);
    await run(["produce", "before"], doors, "kept\n");
    cluster.spawn(4, [2, 3]);
    await untilReady(cluster, 4);
    await untilListed(doors, 4, (broker) => broker?.controllerRole === "LEARNER");
    // It knows what was there before it came, and serves.
    const own = doorsOf(cluster, [4]);
    expect(await run(["consume", "before", "--from-beginning", "-e"], own)).toBe("kept\n");
    await run(["topic", "create", "spread", "-p", "8", "-r", "3"], doors);
    await run(["produce", "spread"], doors, "a\nb\nc\n");
    await untilListed(doors, 4, (broker) => (broker?.replicaCount ?? 0) > 0);
    expect(await run(["broker", "decommission", "4", "--dry-run"], doors)).toContain(
      "would decommission broker 4",
    );
    expect(await refusal(["broker", "decommission", "9"], doors)).toContain("it is unknown");
    // The broker that leaves is asked first: once it has left it has nothing to say, and others are asked.
    const all = [...own, ...doors];
    expect(await run(["broker", "decommission", "4", "--timeout", "60"], all)).toBe(
      "broker 4 is decommissioned: it is removed, and may be stopped\n",
    );
    expect((await listed(doors)).map(({ brokerId }) => brokerId)).toEqual([1, 2, 3]);
    const spread = await run(["consume", "spread", "--from-beginning", "-e"], doors);
    expect(spread.trimEnd().split("\n").toSorted()).toEqual(["a", "b", "c"]);
    await waitFor(
      () => `broker 4 says that it was removed; its log:\n${cluster.log(4)}`,
      deadlineMs,
      async () => (await readiness(cluster, 4)).status === 503,
    );
    expect((await listed(all)).map(({ brokerId }) => brokerId)).toEqual([1, 2, 3]);
    // The same wish again is the same as once, and nobody dials who was removed.
    await cluster.stop(4);
    await using door = await CountingDoor.open(cluster.peerPort(4));
    expect(await run(["broker", "decommission", "4"], doors)).toBe("broker 4 was removed before\n");
    expect(await run(["broker", "decommission", "4", "--dry-run"], doors)).toBe(
      "broker 4 was removed before\n",
    );
    expect(await refusal(["broker", "drain", "4"], doors)).toContain("it is unknown");
    await run(["topic", "create", "after", "-p", "4", "-r", "3"], doors);
    await run(["cluster", "health"], doors);
    expect(door.connectionCount).toBe(0);
    await door.close();
    // With what it had it never comes back, and as a new broker it does.
    rmSync(cluster.dataDirectory(4), { recursive: true });
    cluster.spawn(4, [2, 3]);
    await untilReady(cluster, 4);
  });

  test("a broker leaves two behind only with a word on what that means, and not where one of them is away", async () => {
    await using cluster = await ProcessCluster.start(3);
    const doors = cluster.bootstrapServers;
    await run(["topic", "create", "t", "-p", "4", "-r", "1"], doors);
    await run(["produce", "t"], doors, "a\nb\n");
    const means = "two brokers are left to vote on the cluster's metadata, and both are needed";
    const dryRun = await run(["broker", "decommission", "3", "--dry-run"], doors);
    expect(dryRun).toMatch(/^would decommission broker 3, /);
    expect(dryRun).toContain(means);
    expect((await listed(doors)).map(({ controllerRole }) => controllerRole)).toEqual([
      "VOTER",
      "VOTER",
      "VOTER",
    ]);
    await cluster.kill(2);
    const up = doorsOf(cluster, [1, 3]);
    await untilListed(up, 2, (broker) => broker?.state === "FENCED");
    expect(await refusal(["broker", "decommission", "3"], up)).toContain(
      "the cluster's metadata would have 1 of its 2 voters left (broker 1), and needs 2",
    );
    cluster.spawn(2);
    await untilListed(up, 2, (broker) => broker?.state === "ACTIVE");
    const left = doorsOf(cluster, [1, 2]);
    const done = await run(["broker", "decommission", "3", "--timeout", "60"], left);
    expect(done).toMatch(/^broker 3 is decommissioned: it is removed, and may be stopped\n/);
    expect(done).toContain(means);
    const roles = (await listed(left)).map(({ controllerRole }) => controllerRole);
    expect(roles).toEqual(["VOTER", "VOTER"]);
    await run(["topic", "create", "after", "-r", "2"], left);
    expect(await run(["consume", "t", "--from-beginning", "-e"], left)).toMatch(/^[ab]\n[ab]\n$/);
  });

  test("a broker that lost its disk comes back as a new incarnation, and has everything that was acknowledged", async () => {
    await using cluster = await ProcessCluster.start(3);
    const doors = doorsOf(cluster, [1, 2]);
    await run(["topic", "create", "kept", "-p", "3", "-r", "3"], doors);
    await using stream = new NumberedStream(doors, "kept", 3);
    const running = stream.run();
    await waitFor("records are there", deadlineMs, () => stream.acknowledgedCount > 2000);
    const before = (await listed(doors)).find(({ brokerId }) => brokerId === 3);
    await cluster.kill(3);
    rmSync(cluster.dataDirectory(3), { recursive: true });
    cluster.spawn(3);
    await untilReady(cluster, 3);
    await untilListed(
      doors,
      3,
      (broker) => broker?.controllerRole === "VOTER" && broker.directoryId !== before?.directoryId,
    );
    await waitFor(
      () => `every replica of broker 3 is rebuilt; its log:\n${cluster.log(3)}`,
      deadlineMs,
      async () => (await metricOf(cluster, 3, "ropewalk_replicas_absent")) === 0,
    );
    stream.stop();
    await running;
    // It counts: with it and one other everything is there, and more can be written.
    await cluster.kill(1);
    const left = doorsOf(cluster, [2, 3]);
    await stream.expectWhole(left);
    await run(["produce", "kept"], left, "more\n");
  });

  test("a broker is drained under load: nothing is lost, it leads nothing, also under the next controller", async () => {
    await using cluster = await ProcessCluster.start(3);
    const doors = cluster.bootstrapServers;
    await run(["topic", "create", "busy", "-p", "6", "-r", "3"], doors);
    await using stream = new NumberedStream(doors, "busy", 6);
    const running = stream.run();
    await waitFor("records are there", deadlineMs, () => stream.acknowledgedCount > 1000);
    expect(await run(["broker", "drain", "1", "--dry-run"], doors)).toContain(
      "would drain broker 1",
    );
    expect(await run(["broker", "drain", "1", "--timeout", "60"], doors)).toBe(
      "broker 1 is drained: it leads nothing\n",
    );
    const count = stream.acknowledgedCount;
    await waitFor("records go on", deadlineMs, () => stream.acknowledgedCount > count + 1000);
    expect(await refusal(["broker", "drain", "2"], doors)).toMatch(
      /busy-0 would have 1 of its 3 replicas left \(broker 3\), and needs 2/,
    );
    stream.stop();
    await running;
    // The wish outlives the controller, and the broker.
    const controller = JSON.parse(await run(["cluster", "info", "--format", "json"], doors)) as {
      readonly controllerId: number;
    };
    expect(controller.controllerId).not.toBe(1);
    await cluster.kill(controller.controllerId);
    await cluster.stop(1);
    cluster.spawn(1);
    cluster.spawn(controller.controllerId);
    await cluster.ready();
    await untilListed(doors, 1, (broker) => broker?.state === "DRAINED");
    await stream.expectWhole(doors);
    expect(await run(["broker", "undrain", "1"], doors)).toBe(
      "broker 1 is undrained: it may lead again\n",
    );
    await untilListed(doors, 1, (broker) => broker?.state === "ACTIVE");
  });
});
