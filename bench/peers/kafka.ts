import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../test/cluster/free-ports.ts";
import type { ReportedLatency } from "../results/result-file.ts";
import { sizeOf } from "../workloads/produce.ts";
import { missingOf, peerCache } from "./peer-cache.ts";
import { numberAfter, peerFigures } from "./peer-figures.ts";
import { type Peer, type PeerRun, peersWorkloadName } from "./peer.ts";
import { PeerProcesses } from "./peer-processes.ts";

const nodeCount = 3;
const partitionCount = 6;
const batchBytes = 256 * 1024;
const lingerMs = 5;
const firstRecords = 20_000;
/** Share of the wanted time that a run must have lasted. */
const longEnough = 0.7;
const attemptsMax = 5;
const topicAttemptsMax = 30;
const libraries = peerCache("kafka", "libs");
/** What kafka-server-start.sh gives a broker. */
const serverFlags = [
  "-Xmx1G",
  "-Xms1G",
  "-server",
  "-XX:+UseG1GC",
  "-XX:MaxGCPauseMillis=20",
  "-XX:InitiatingHeapOccupancyPercent=35",
  "-XX:+ExplicitGCInvokesConcurrent",
  "-Djava.awt.headless=true",
];
const classPath = ["-cp", join(libraries, "*")];

interface Flushing {
  readonly label: string;
  readonly topicConfigs: readonly string[];
  readonly fsync: string;
}

const flushings: readonly Flushing[] = [
  { label: "default flush", topicConfigs: [], fsync: "when the system writes its pages back" },
  {
    label: "flush.messages=1",
    topicConfigs: ["flush.messages=1"],
    fsync: "before every acknowledgement",
  },
];

/** Apache Kafka: three KRaft brokers from Maven artifacts, with its own ProducerPerformance and ConsumerPerformance. */
export const kafka: Peer = {
  name: "kafka",
  missing: () => missingOf(libraries),
  async measure(run) {
    await using processes = new PeerProcesses();
    run.findings.progress("kafka: starting");
    const beganMs = performance.now();
    const ports = await start(processes);
    const cluster = { processes, bootstrap: ports.map((port) => `127.0.0.1:${port}`).join(",") };
    await createTopic(cluster, "ready", []);
    const startMs = performance.now() - beganMs;
    for (const recordBytes of run.recordSizes) {
      for (const flushing of flushings)
        await measureOne(run, cluster, { recordBytes, flushing, startMs });
    }
  },
};

interface Cluster {
  readonly processes: PeerProcesses;
  readonly bootstrap: string;
}

interface Case {
  readonly recordBytes: number;
  readonly flushing: Flushing;
  readonly startMs: number;
}

async function measureOne(run: PeerRun, cluster: Cluster, special: Case): Promise<void> {
  const { flushing, recordBytes, startMs } = special;
  const { processes } = cluster;
  const topic = `t${recordBytes}-${flushing.topicConfigs.length}`;
  run.findings.progress(`kafka: ${sizeOf(recordBytes)}, ${flushing.label}`);
  await createTopic(cluster, topic, flushing.topicConfigs);
  const before = processes.usages();
  const { written, ...peak } = await produceFor(cluster, topic, recordBytes, run.options.seconds);
  const after = processes.usages();
  const told = { recordBytes, records: written, recordsPerSecond: peak.recordsPerSecond };
  const settings = {
    recordBytes,
    partitionCount,
    acks: "all",
    replicationFactor: 3,
    minInsyncReplicas: 2,
    fsync: flushing.fsync,
    client: "ProducerPerformance",
    batchBytesMax: batchBytes,
    lingerMs,
    compression: "none",
    heap: "1 GiB a broker",
  };
  const row = { workload: peersWorkloadName, system: `kafka ${version()}, ${flushing.label}` };
  run.findings.row({
    ...row,
    label: `produce, ${sizeOf(recordBytes)}`,
    settings,
    figures: {
      ...peerFigures(told, peak.client, before, after),
      startMs,
      generatorCpuSecondsPerGigabyte: peak.clientCpuSeconds / ((written * recordBytes) / 1e9),
    },
    latencies: {},
  });
  const half = Math.ceil(peak.recordsPerSecond / 2);
  const paced = await produce(cluster, topic, recordBytes, half * run.options.seconds, half);
  run.findings.row({
    ...row,
    label: `produce, ${sizeOf(recordBytes)}, 50 % of the peak`,
    settings: { ...settings, loop: "throttled; latency from send to acknowledgement" },
    figures: {
      recordsPerSecond: paced.recordsPerSecond,
      targetRecordsPerSecond: half,
      loadPercent: 50,
    },
    latencies: { acknowledged: paced.latency },
  });
  await consume(run, cluster, { topic, recordBytes, records: written, row });
}

/**
 * The tool takes a number of records: it is run again with what should last long enough until it does. The last run counts,
 * with brokers that are warm by then; processor time is that of all runs.
 */
async function produceFor(cluster: Cluster, topic: string, recordBytes: number, seconds: number) {
  let records = firstRecords;
  let written = 0;
  let clientCpuSeconds = 0;
  for (let attempt = 1; ; attempt++) {
    const run = await produce(cluster, topic, recordBytes, records, -1);
    written += records;
    clientCpuSeconds += run.client.cpuSeconds;
    const lasted = records / run.recordsPerSecond;
    if (lasted >= seconds * longEnough || attempt === attemptsMax)
      return { ...run, written, clientCpuSeconds };
    records = Math.ceil(run.recordsPerSecond * seconds);
  }
}

interface Consuming {
  readonly topic: string;
  readonly recordBytes: number;
  readonly records: number;
  readonly row: { readonly workload: string; readonly system: string };
}

async function consume(
  { findings }: PeerRun,
  { bootstrap, processes }: Cluster,
  { recordBytes, records, row, topic }: Consuming,
): Promise<void> {
  const before = processes.usages();
  const args = ["--bootstrap-server", bootstrap, "--topic", topic, "--timeout", "60000"];
  const client = await java(processes, "org.apache.kafka.tools.ConsumerPerformance", [
    ...args,
    "--messages",
    String(records),
  ]);
  // start.time, end.time, MB, MB.sec, nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec
  const fields = client.output.trimEnd().split("\n").at(-1)?.split(", ") ?? [];
  const recordsPerSecond = Number(fields[9]);
  findings.row({
    ...row,
    label: `fetch, ${sizeOf(recordBytes)}`,
    settings: { recordBytes, partitionCount, client: "ConsumerPerformance", from: "page cache" },
    figures: peerFigures(
      { recordBytes, records, recordsPerSecond },
      client,
      before,
      processes.usages(),
    ),
    latencies: {},
  });
}

async function produce(
  { bootstrap, processes }: Cluster,
  topic: string,
  recordBytes: number,
  records: number,
  throughput: number,
) {
  const client = await java(processes, "org.apache.kafka.tools.ProducerPerformance", [
    ...["--topic", topic, "--num-records", String(records), "--record-size", String(recordBytes)],
    ...["--throughput", String(throughput), "--producer-props", `bootstrap.servers=${bootstrap}`],
    ...["acks=all", `batch.size=${batchBytes}`, `linger.ms=${lingerMs}`, "buffer.memory=67108864"],
  ]);
  const { output } = client;
  const last = output.slice(output.lastIndexOf(`${records} records sent`));
  return {
    client,
    recordsPerSecond: numberAfter(last, /([\d.]+) records\/sec/),
    latency: latencyOf(last),
  };
}

function latencyOf(line: string): ReportedLatency {
  const percentiles = [50, 95, 99, 99.9] as const;
  const [p50Ms = 0, p95Ms = 0, p99Ms = 0, p999Ms = 0] = percentiles.map((p) =>
    numberAfter(line, new RegExp(`(\\d+) ms ${String(p).replace(".", "\\.")}th`)),
  );
  const maxMs = numberAfter(line, /([\d.]+) ms max latency/);
  const curve = [p50Ms, p95Ms, p99Ms, p999Ms].map((ms, i) => [percentiles[i] ?? 0, ms] as const);
  return { p50Ms, p95Ms, p99Ms, p999Ms, maxMs, curve };
}

async function start(processes: PeerProcesses): Promise<readonly number[]> {
  const ports = await freePorts(nodeCount * 2);
  const clientPorts = ports.slice(0, nodeCount);
  const voters = ports.slice(nodeCount).map((port, i) => `${i + 1}@127.0.0.1:${port}`);
  const format: Promise<unknown>[] = clientPorts.map((port, i) => {
    const directory = join(processes.directory, String(i + 1));
    mkdirSync(directory);
    const path = join(directory, "server.properties");
    const controllerPort = ports[nodeCount + i];
    writeFileSync(
      path,
      [
        "process.roles=broker,controller",
        `node.id=${i + 1}`,
        `controller.quorum.voters=${voters.join(",")}`,
        `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
        `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
        "controller.listener.names=CONTROLLER",
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        `log.dirs=${join(directory, "data")}`,
        "min.insync.replicas=2",
        "offsets.topic.replication.factor=3",
        "group.initial.rebalance.delay.ms=0",
      ].join("\n"),
    );
    const id = "RopewalkBenchClusterAA";
    return java(processes, "kafka.tools.StorageTool", ["format", "-t", id, "-c", path]);
  });
  await Promise.all(format);
  for (let i = 1; i <= nodeCount; i++) {
    const properties = join(processes.directory, String(i), "server.properties");
    processes.spawn(`kafka-${i}`, "java", [
      ...serverFlags,
      ...classPath,
      "kafka.Kafka",
      properties,
    ]);
  }
  await processes.listening(clientPorts);
  return clientPorts;
}

async function createTopic(
  { bootstrap, processes }: Cluster,
  topic: string,
  configs: readonly string[],
): Promise<void> {
  const flags = ["min.insync.replicas=2", ...configs].flatMap((each) => ["--config", each]);
  const args = ["--bootstrap-server", bootstrap, "--create", "--topic", topic, ...flags];
  args.push("--partitions", String(partitionCount), "--replication-factor", String(nodeCount));
  for (let attempt = 1; ; attempt++) {
    try {
      await java(processes, "org.apache.kafka.tools.TopicCommand", args);
      return;
    } catch (error) {
      // The third broker may not have registered yet.
      if (attempt === topicAttemptsMax) throw error;
    }
  }
}

function java(processes: PeerProcesses, mainClass: string, args: readonly string[]) {
  return processes.run("java", ["-Xmx1G", ...classPath, mainClass, ...args]);
}

function version(): string {
  const jar = readdirSync(libraries).find((name) => /^kafka-clients-[\d.]+\.jar$/.test(name));
  return jar?.replace(/^kafka-clients-|\.jar$/g, "") ?? "";
}
