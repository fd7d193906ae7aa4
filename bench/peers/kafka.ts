import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sizeOf } from "../workloads/produce.ts";
import {
  createKafkaTopic,
  kafkaLibraries,
  type KafkaCluster,
  runKafka,
  startKafka,
} from "./kafka-cluster.ts";
import { missingOf } from "./peer-cache.ts";
import { numberAfter, peerFigures } from "./peer-figures.ts";
import { type PacedLoad, pacedLoadOf, pacedRow } from "./paced-load.ts";
import { type Peer, type PeerRun, peersWorkloadName } from "./peer.ts";
import { PeerProcesses } from "./peer-processes.ts";

const partitionCount = 6;
const batchBytes = 256 * 1024;
const lingerMs = 5;
const firstRecords = 20_000;
/** Share of the wanted time that a run must have lasted. */
const longEnough = 0.7;
const attemptsMax = 5;
const loadProgram = fileURLToPath(new URL("kafka-load/KafkaLoad.java", import.meta.url));

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
  missing: () => missingOf(kafkaLibraries),
  async measure(run) {
    await using processes = new PeerProcesses();
    run.findings.progress("kafka: starting");
    const cluster = await startKafka(processes);
    for (const recordBytes of run.recordSizes) {
      for (const flushing of flushings) await measureOne(run, cluster, { recordBytes, flushing });
    }
  },
};

interface Case {
  readonly recordBytes: number;
  readonly flushing: Flushing;
}

async function measureOne(run: PeerRun, cluster: KafkaCluster, special: Case): Promise<void> {
  const { flushing, recordBytes } = special;
  const { processes, startMs } = cluster;
  const topic = `t${recordBytes}-${flushing.topicConfigs.length}`;
  run.findings.progress(`kafka: ${sizeOf(recordBytes)}, ${flushing.label}`);
  await createKafkaTopic(cluster, topic, partitionCount, flushing.topicConfigs);
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
  const rate = Math.max(1, Math.floor(peak.recordsPerSecond / 2));
  run.findings.row(
    pacedRow(
      { ...row, settings },
      recordBytes,
      rate,
      await pace(run, cluster, topic, recordBytes, rate),
    ),
  );
  await consume(run, cluster, { topic, recordBytes, records: written, row });
}

/**
 * The tool takes a number of records: it is run again with what should last long enough until it does. The last run counts,
 * with brokers that are warm by then; processor time is that of all runs.
 */
async function produceFor(
  cluster: KafkaCluster,
  topic: string,
  recordBytes: number,
  seconds: number,
) {
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
  { bootstrap, processes }: KafkaCluster,
  { recordBytes, records, row, topic }: Consuming,
): Promise<void> {
  const before = processes.usages();
  const args = ["--bootstrap-server", bootstrap, "--topic", topic, "--timeout", "60000"];
  const client = await runKafka(processes, "org.apache.kafka.tools.ConsumerPerformance", [
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
  { bootstrap, processes }: KafkaCluster,
  topic: string,
  recordBytes: number,
  records: number,
  throughput: number,
) {
  const client = await runKafka(processes, "org.apache.kafka.tools.ProducerPerformance", [
    ...["--topic", topic, "--num-records", String(records), "--record-size", String(recordBytes)],
    ...["--throughput", String(throughput), "--producer-props", `bootstrap.servers=${bootstrap}`],
    ...["acks=all", `batch.size=${batchBytes}`, `linger.ms=${lingerMs}`, "buffer.memory=67108864"],
  ]);
  const { output } = client;
  const last = output.slice(output.lastIndexOf(`${records} records sent`));
  return { client, recordsPerSecond: numberAfter(last, /([\d.]+) records\/sec/) };
}

/** The open loop, which Kafka's own tools do not have: ours with its client, compiled when it starts. */
async function pace(
  { options }: PeerRun,
  { bootstrap, processes }: KafkaCluster,
  topic: string,
  recordBytes: number,
  rate: number,
): Promise<PacedLoad> {
  const times = [options.warmUpSeconds, options.seconds];
  const numbers = [partitionCount, recordBytes, rate, ...times, batchBytes, lingerMs];
  const args = [bootstrap, topic, ...numbers.map(String)];
  const client = await runKafka(processes, loadProgram, args);
  return pacedLoadOf(client.output);
}

function version(): string {
  const jar = readdirSync(kafkaLibraries).find((name) => /^kafka-clients-[\d.]+\.jar$/.test(name));
  return jar?.replace(/^kafka-clients-|\.jar$/g, "") ?? "";
}
