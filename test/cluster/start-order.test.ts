import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { freePorts } from "./free-ports.ts";
import { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { RunningCommand } from "./running-command.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";
import { waitFor } from "./wait-for.ts";

interface ClusterInfo {
  readonly clusterId: string;
  readonly controllerId: number;
  readonly brokers: readonly {
    readonly brokerId: number;
    readonly alive: boolean;
    readonly port: number;
    readonly rack: string;
    readonly directoryId: string;
    readonly startCount: number;
  }[];
}

const deadlineMs = 60_000;

async function statusOf(url: string): Promise<number | undefined> {
  const answer = await fetch(url).catch(() => undefined);
  await answer?.text();
  return answer?.status;
}

async function untilAlive(cluster: ProcessCluster, id: number): Promise<void> {
  await waitFor(
    () => `broker ${id} is alive; its log:\n${cluster.log(id)}`,
    deadlineMs,
    async () => (await statusOf(`${cluster.httpUrl(id)}/healthz`)) === 200,
  );
}

/** The cluster as one of its brokers sees it. */
async function infoFrom(address: string): Promise<ClusterInfo> {
  const { status, stdout, stderr } = await ropewalk(
    ["cluster", "info", "--format", "json", "-b", address],
    {},
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout.toString()) as ClusterInfo;
}

/** Every broker sees the same cluster, with all of its brokers. */
async function expectOneCluster(cluster: ProcessCluster): Promise<void> {
  const infos = await Promise.all(cluster.bootstrapServers.map(infoFrom));
  expect(infos[0]?.clusterId).toMatch(/^[0-9a-f-]{36}$/);
  expect(new Set(infos.map(({ clusterId }) => clusterId)).size).toBe(1);
  for (const { brokers } of infos) {
    expect(brokers.map(({ brokerId }) => brokerId).toSorted((a, b) => a - b)).toEqual(
      cluster.brokerIds,
    );
  }
}

async function run(
  args: readonly string[],
  bootstrapServers: readonly string[],
  input = "",
): Promise<string> {
  const result = await ropewalk(args, { bootstrapServers, input });
  expect({ args, status: result.status, stderr: result.stderr }).toMatchObject({ args, status: 0 });
  return result.stdout.toString();
}

describe("three broker processes", () => {
  test("form one cluster when the last is started first, and one alone is alive but not ready", async () => {
    await using cluster = await ProcessCluster.prepare(3);
    cluster.spawn(3);
    await untilAlive(cluster, 3);
    const alone = await fetch(`${cluster.httpUrl(3)}/readyz`);
    expect(alone.status).toBe(503);
    expect(await alone.text()).toContain("not registered");
    const metrics = await fetch(`${cluster.httpUrl(3)}/metrics`);
    expect(metrics.status).toBe(200);
    expect(await metrics.text()).toMatch(/^# HELP ropewalk_/m);
    expect(await statusOf(`${cluster.httpUrl(3)}/nowhere`)).toBe(404);
    for (const id of [2, 1]) {
      cluster.spawn(id);
      await untilAlive(cluster, id);
    }
    await cluster.ready();
    await expectOneCluster(cluster);
  });

  test("form one cluster when one comes late: the others serve before it does, and it catches up", async () => {
    await using cluster = await ProcessCluster.prepare(3);
    for (const id of [3, 1]) cluster.spawn(id);
    await cluster.ready();
    const early = [cluster.bootstrapServers[0] ?? "", cluster.bootstrapServers[2] ?? ""];
    await run(["topic", "create", "early", "-r", "2"], early);
    await run(["produce", "early"], early, "before\n");
    cluster.spawn(2);
    await cluster.ready();
    await expectOneCluster(cluster);
    const late = [cluster.bootstrapServers[1] ?? ""];
    expect(await run(["consume", "early", "--from-beginning", "-e"], late)).toBe("before\n");
    await run(["topic", "create", "full", "-r", "3"], late);
    await run(["produce", "full"], late, "after\n");
    expect(await run(["consume", "full", "--from-beginning", "-e"], early)).toBe("after\n");
  });

  test("stop with status 0 on SIGTERM, one by one and down to a last one without a quorum", async () => {
    await using cluster = await ProcessCluster.start(3);
    for (const id of [2, 3, 1]) {
      expect({ id, status: await cluster.stop(id) }).toEqual({ id, status: 0 });
      expect(cluster.log(id)).toContain("The broker has stopped.");
    }
    cluster.spawn(2);
    await untilAlive(cluster, 2);
    // It was registered in its last life, but it cannot serve before it finds the others.
    const alone = await fetch(`${cluster.httpUrl(2)}/readyz`);
    expect({ status: alone.status, body: await alone.text() }).toEqual({
      status: 503,
      body: "no controller is known yet\n",
    });
    expect(await cluster.stop(2)).toBe(0);
  });
});

describe("a broker's settings", () => {
  test("make the same broker whether they come from flags, variables or a file", async () => {
    using directory = new TemporaryDirectory();
    const [client = 0, peer = 0, http = 0] = await freePorts(3);
    const settings = {
      id: "7",
      "data-dir": join(directory.path, "data"),
      listen: `127.0.0.1:${client}`,
      "peer-listen": `127.0.0.1:${peer}`,
      "http-listen": `127.0.0.1:${http}`,
      rack: "attic",
    };
    const entries = Object.entries(settings);
    const yaml = join(directory.path, "broker.yaml");
    const json = join(directory.path, "broker.json");
    const other = join(directory.path, "other.yaml");
    writeFileSync(yaml, entries.map(([name, value]) => `${name}: ${value}\n`).join(""));
    writeFileSync(json, JSON.stringify(settings));
    writeFileSync(other, "rack: cellar\nid: 9\nlisten: 127.0.0.1:1\n");
    const variables = Object.fromEntries(
      entries.map(([name, value]) => [variableOf(name), value] as const),
    );
    const flags = entries.flatMap(([name, value]) => [`--${name}`, value]);
    const ways: [readonly string[], Readonly<Record<string, string>>][] = [
      [flags, {}],
      [[], variables],
      [["--config", yaml], {}],
      [[], { ROPEWALK_CONFIG: json }],
      // A flag beats a variable, a variable beats the file.
      [["--config", other, "--rack", "attic"], { ...variables, ROPEWALK_RACK: "roof" }],
    ];
    const infos: ClusterInfo[] = [];
    for (const [args, environment] of ways)
      infos.push(await infoOfBroker(args, environment, client));
    expect(infos[0]).toMatchObject({ brokers: [{ brokerId: 7, port: client, rack: "attic" }] });
    const { directoryId } = infos[0]?.brokers[0] ?? {};
    for (const [i, info] of infos.entries()) {
      // The same directory, started once more.
      const [broker] = info.brokers;
      expect(broker).toMatchObject({ directoryId, startCount: i + 1 });
      expect({ ...info, brokers: [{ ...broker, startCount: 1 }] }).toEqual(infos[0]);
    }
  });

  test("that are wrong are all told before anything is made, with where they come from", async () => {
    using directory = new TemporaryDirectory();
    const file = join(directory.path, "broker.yaml");
    writeFileSync(file, "listen: nowhere\ncolour: red\n");
    const result = await ropewalk(["broker", "--config", file, "--id", "0"], {
      directory: directory.path,
      environment: { ROPEWALK_PEERS: "1=a:b" },
    });
    expect({ status: result.status, stdout: result.stdout.toString() }).toEqual({
      status: 2,
      stdout: "",
    });
    for (const words of ["--id", "ROPEWALK_PEERS", `${file}:1`, `${file}:2`, "colour"]) {
      expect(result.stderr).toContain(words);
    }
  });

  test("that name a port in use are told with the flag to change", async () => {
    await using cluster = await ProcessCluster.start(1);
    using directory = new TemporaryDirectory();
    const port = cluster.clientPort(1);
    const args = ["broker", "--listen", `127.0.0.1:${port}`, "--data-dir", directory.path];
    const { status, stderr } = await ropewalk(args);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(
        new RegExp(`^ropewalk: cannot listen on 127.0.0.1:${port}: .*--listen\\n$`),
      ) as string,
    });
  });
});

function variableOf(name: string): string {
  return `ROPEWALK_${name.toUpperCase().replaceAll("-", "_")}`;
}

/** Starts a cluster of one, asks it who it is, and stops it. */
async function infoOfBroker(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  port: number,
): Promise<ClusterInfo> {
  await using broker = RunningCommand.ropewalk(["broker", ...args], { environment });
  await broker.prints("The broker is ready.");
  const info = await infoFrom(`127.0.0.1:${port}`);
  broker.signal("SIGTERM");
  expect(await broker.ends()).toBe(0);
  return info;
}
