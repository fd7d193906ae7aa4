import { writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { freePorts } from "../../test/cluster/free-ports.ts";
import type { ResultRow } from "../results/result-file.ts";
import { sizeOf } from "../workloads/produce.ts";
import { missingOf, peerCache } from "./peer-cache.ts";
import { peerFigures } from "./peer-figures.ts";
import { type PacedLoad, pacedLoadOf, pacedRow } from "./paced-load.ts";
import { type Peer, type PeerRun, peersWorkloadName } from "./peer.ts";
import { type ClientRun, PeerProcesses } from "./peer-processes.ts";

const nodeCount = 3;
const window = 10_000;
const server = peerCache("nats", "nats-server");
const load = peerCache("nats", "nats-load");

/** How often JetStream flushes, as its configuration says it. */
const syncs = [
  {
    interval: "2m",
    label: "default sync",
    fsync: "every two minutes, not before acknowledgements",
  },
  { interval: "always", label: "sync always", fsync: "before every acknowledgement" },
] as const;

/** NATS JetStream: three servers, streams of three replicas on disk, and a load with its Go client. */
export const nats: Peer = {
  name: "nats",
  missing: () => missingOf(server, load),
  async measure(run) {
    for (const sync of syncs) {
      await using processes = new PeerProcesses();
      run.findings.progress(`nats: starting, ${sync.label}`);
      const url = await start(processes, sync.interval);
      for (const recordBytes of run.recordSizes)
        await measureOne(run, { processes, url, recordBytes, sync });
    }
  },
};

interface Case {
  readonly processes: PeerProcesses;
  readonly url: string;
  readonly recordBytes: number;
  readonly sync: (typeof syncs)[number];
}

async function measureOne({ findings, options }: PeerRun, special: Case): Promise<void> {
  const { processes, recordBytes, sync, url } = special;
  const { seconds, warmUpSeconds } = options;
  findings.progress(`nats: ${sizeOf(recordBytes)}, ${sync.label}`);
  const times = ["-warm-up", String(warmUpSeconds), "-seconds", String(seconds)];
  const args = ["-url", url, "-size", String(recordBytes), "-window", String(window), ...times];
  const before = processes.usages();
  const peak = await runLoad(processes, [...args, "-stream", `peak-${recordBytes}`]);
  const after = processes.usages();
  const row = {
    workload: peersWorkloadName,
    system: `nats ${version()} R3, ${sync.label}`,
    settings: settingsOf(special),
  };
  const { allRecords, failed, recordsPerSecond } = peak.told;
  const told = { recordBytes, recordsPerSecond, records: allRecords };
  findings.row({
    ...row,
    label: `produce, ${sizeOf(recordBytes)}`,
    figures: { ...peerFigures(told, peak.client, before, after), failedRecords: failed },
    latencies: {},
  });
  const rate = Math.max(1, Math.floor(recordsPerSecond / 2));
  const paced = ["-stream", `paced-${recordBytes}`, "-rate", String(rate)];
  const half = await runLoad(processes, [...args, ...paced]);
  findings.row(pacedRow(row, recordBytes, rate, half.told));
}

function settingsOf({ recordBytes, sync }: Case): ResultRow["settings"] {
  return {
    recordBytes,
    replicationFactor: nodeCount,
    storage: "file",
    fsync: sync.fsync,
    client: "Go, asynchronous publishing",
    unacknowledgedMax: window,
    batching: "none: a message is a message",
  };
}

async function runLoad(
  processes: PeerProcesses,
  args: readonly string[],
): Promise<{ readonly client: ClientRun; readonly told: PacedLoad }> {
  const client = await processes.run(load, args);
  return { client, told: pacedLoadOf(client.output) };
}

async function start(processes: PeerProcesses, syncInterval: string): Promise<string> {
  const ports = await freePorts(nodeCount * 2);
  const clientPorts = ports.slice(0, nodeCount);
  const routes = ports.slice(nodeCount).map((port) => `nats://127.0.0.1:${port}`);
  for (const [i, port] of clientPorts.entries()) {
    const path = join(processes.directory, `${i}.conf`);
    writeFileSync(
      path,
      [
        `server_name: n${i}`,
        `listen: 127.0.0.1:${port}`,
        `jetstream { store_dir: "${join(processes.directory, String(i))}", sync_interval: ${syncInterval} }`,
        `cluster { name: bench, listen: 127.0.0.1:${ports[nodeCount + i]}, routes: [${routes.join(", ")}] }`,
      ].join("\n"),
    );
    processes.spawn(`nats-${i}`, server, ["-c", path]);
  }
  await processes.listening(clientPorts);
  return clientPorts.map((port) => `nats://127.0.0.1:${port}`).join(",");
}

function version(): string {
  return execFileSync(server, ["--version"], { encoding: "utf8" }).trim().split("v").at(-1) ?? "";
}
