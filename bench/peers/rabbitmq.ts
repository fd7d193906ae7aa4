import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../test/cluster/free-ports.ts";
import { waitFor } from "../../test/cluster/wait-for.ts";
import type { ReportedLatency } from "../results/result-file.ts";
import { sizeOf } from "../workloads/produce.ts";
import { missingOf, peerCache } from "./peer-cache.ts";
import { numberAfter, peerFigures } from "./peer-figures.ts";
import { type Peer, type PeerRun, peersWorkloadName } from "./peer.ts";
import { PeerProcesses } from "./peer-processes.ts";

const nodeCount = 3;
const unconfirmedMax = 10_000;
/** Where Debian's package keeps its programs; those on the path insist on the package's own user. */
const programs = "/usr/lib/rabbitmq/bin";
const serverProgram = join(programs, "rabbitmq-server");
const controlProgram = join(programs, "rabbitmqctl");
const libraries = peerCache("rabbitmq", "libs");
const formMsMax = 180_000;
const ownerOnly = 0o600;

interface QueueKind {
  readonly label: string;
  readonly flag: string;
  readonly fsync: string;
}

const kinds: readonly QueueKind[] = [
  { label: "quorum queue", flag: "--quorum-queue", fsync: "on a majority before the confirm" },
  { label: "stream", flag: "--stream-queue", fsync: "never before the confirm" },
];

/** RabbitMQ: three nodes from Debian's package, with its own PerfTest (AMQP 0-9-1) from Maven. */
export const rabbitmq: Peer = {
  name: "rabbitmq",
  missing: () => missingOf(serverProgram, libraries),
  async measure(run) {
    await using processes = new PeerProcesses();
    run.findings.progress("rabbitmq: starting");
    const uris = await start(processes);
    for (const recordBytes of run.recordSizes)
      for (const kind of kinds) await measureOne(run, { processes, uris, recordBytes, kind });
  },
};

interface Case {
  readonly processes: PeerProcesses;
  readonly uris: string;
  readonly recordBytes: number;
  readonly kind: QueueKind;
}

async function measureOne({ findings, options }: PeerRun, special: Case): Promise<void> {
  const { kind, processes, recordBytes, uris } = special;
  findings.progress(`rabbitmq: ${sizeOf(recordBytes)}, ${kind.label}`);
  const seconds = Math.ceil(options.warmUpSeconds + options.seconds);
  const args = [
    "--uris",
    uris,
    kind.flag,
    "--size",
    String(recordBytes),
    "--time",
    String(seconds),
  ];
  args.push("--confirm", String(unconfirmedMax), "--producers", "1");
  const before = processes.usages();
  const queue = `${kind.flag.slice(2)}-${recordBytes}`;
  const client = await perfTest(processes, [...args, "--queue", queue, "--consumers", "0"]);
  const after = processes.usages();
  const recordsPerSecond = numberAfter(client.output, /sending rate avg: (\d+)/);
  const told = { recordBytes, recordsPerSecond, records: recordsPerSecond * seconds };
  const row = { workload: peersWorkloadName, system: `rabbitmq ${version()}, ${kind.label}` };
  const settings = {
    recordBytes,
    replicationFactor: nodeCount,
    fsync: kind.fsync,
    client: "PerfTest over AMQP 0-9-1",
    unconfirmedMax,
    batching: "none: a message is a message",
  };
  findings.row({
    ...row,
    label: `produce, ${sizeOf(recordBytes)}`,
    settings,
    figures: peerFigures(told, client, before, after),
    latencies: {},
  });
  const rate = Math.max(1, Math.floor(recordsPerSecond / 2));
  const paced = ["--queue", `${queue}-paced`, "--consumers", "1", "--rate", String(rate)];
  if (kind.flag === "--stream-queue") paced.push("--qos", "1000");
  const half = await perfTest(processes, [...args, ...paced]);
  findings.row({
    ...row,
    label: `produce, ${sizeOf(recordBytes)}, 50 % of the peak`,
    settings: { ...settings, loop: "throttled; latency from send to consumed" },
    figures: {
      recordsPerSecond: numberAfter(half.output, /sending rate avg: (\d+)/),
      targetRecordsPerSecond: rate,
      loadPercent: 50,
    },
    latencies: latenciesOf(half.output),
  });
}

/** PerfTest sums up "consumer latency min/median/75th/95th/99th 1/2/3/4/5 µs"; without a sum, its last line counts. */
function latenciesOf(output: string): Record<string, ReportedLatency> {
  const found = [...output.matchAll(/consumer latency[^\d]*([\d/thmedianx]*) ([\d/]+) µs/g)].at(-1);
  const [, p50 = 0, p75 = 0, p95 = 0, p99 = 0] = (found?.[2] ?? "").split("/").map(Number);
  if (found === undefined) return {};
  const [p50Ms, p75Ms, p95Ms, p99Ms] = [p50 / 1000, p75 / 1000, p95 / 1000, p99 / 1000];
  const curve = [
    [50, p50Ms],
    [75, p75Ms],
    [95, p95Ms],
    [99, p99Ms],
  ] as const;
  return { endToEnd: { p50Ms, p75Ms, p95Ms, p99Ms, curve } };
}

function perfTest(processes: PeerProcesses, args: readonly string[]) {
  const flags = ["-cp", join(libraries, "*"), "com.rabbitmq.perf.PerfTest", ...args];
  return processes.run("java", flags);
}

async function start(processes: PeerProcesses): Promise<string> {
  const ports = await freePorts(nodeCount * 2 + 1);
  const [mapperPort = 0, ...others] = ports;
  const clientPorts = others.slice(0, nodeCount);
  const shared = {
    HOME: processes.directory,
    ERL_EPMD_PORT: String(mapperPort),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_ENABLED_PLUGINS_FILE: join(processes.directory, "plugins"),
  };
  writeFileSync(shared.RABBITMQ_ENABLED_PLUGINS_FILE, "[].\n");
  const cookie = join(processes.directory, ".erlang.cookie");
  writeFileSync(cookie, "ROPEWALKBENCH");
  chmodSync(cookie, ownerOnly);
  // Otherwise the first node leaves one behind that outlives it.
  processes.spawn("epmd", "epmd", ["-port", String(mapperPort)]);
  await processes.listening([mapperPort]);
  const names = clientPorts.map((_, i) => `ropewalk-bench-${i}@localhost`);
  for (const [i, port] of clientPorts.entries()) {
    const directory = join(processes.directory, String(i));
    mkdirSync(directory);
    writeFileSync(join(directory, "rabbitmq.conf"), configOf(port, names));
    processes.spawn(`rabbitmq-${i}`, serverProgram, [], {
      ...shared,
      RABBITMQ_NODENAME: names[i] ?? "",
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(others[nodeCount + i]),
      RABBITMQ_MNESIA_BASE: directory,
      RABBITMQ_LOG_BASE: directory,
      RABBITMQ_CONFIG_FILE: join(directory, "rabbitmq"),
    });
  }
  await processes.listening(clientPorts);
  await formed(processes, names, shared);
  return clientPorts.map((port) => `amqp://guest:guest@127.0.0.1:${port}`).join(",");
}

async function formed(
  processes: PeerProcesses,
  names: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const [first = ""] = names;
  await waitFor("the nodes form a cluster", formMsMax, async () => {
    const args = ["-n", first, "cluster_status", "--formatter", "json"];
    const status = await processes.run(controlProgram, args, environment).catch(() => undefined);
    const running = /"running_nodes":\[([^\]]*)\]/.exec(status?.output ?? "")?.[1] ?? "";
    return names.every((name) => running.includes(name));
  });
}

function configOf(port: number, names: readonly string[]): string {
  const nodes = names.map((name, i) => `cluster_formation.classic_config.nodes.${i + 1} = ${name}`);
  return [
    `listeners.tcp.default = 127.0.0.1:${port}`,
    "cluster_formation.peer_discovery_backend = classic_config",
    ...nodes,
    "",
  ].join("\n");
}

function version(): string {
  const format = ["--showformat", "${Version}", "--show", "rabbitmq-server"];
  try {
    return execFileSync("dpkg-query", format, { encoding: "utf8" }).split("-")[0] ?? "";
  } catch {
    return ""; // Installed in another way.
  }
}
