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
import { type ClientRun, PeerProcesses } from "./peer-processes.ts";
import type { BenchOptions } from "../workloads/workload.ts";

const partitionCount = 6;
const batchBytes = 256 * 1024;
const lingerMs = 5;
const firstRecords = 20_000;
/** Java compiles what is hot while it runs: a client is at its best after about so long. */
const warmUpSecondsMin = 25;
/** Share of the wanted time that a run must have lasted. */
const longEnough = 0.7;
const attemptsMax = 6;
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
  const { before, written, ...peak } = await produceFor(cluster, topic, recordBytes, run.options);
  const after = processes.usages();
  const told = { recordBytes, records: peak.records, recordsPerSecond: peak.recordsPerSecond };
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
 * The tool takes a number of records: it is run again with what should last long enough until it does. The end of the last
 * run counts, when brokers and client are warm; processor time is that of the last run.
 */
async function produceFor(
  cluster: KafkaCluster,
  topic: string,
  recordBytes: number,
  { quick, seconds }: BenchOptions,
) {
  const wantedSeconds = seconds + (quick ? 0 : warmUpSecondsMin);
  let records = firstRecords;
  let written = 0;
  for (let attempt = 1; ; attempt++) {
    const before = cluster.processes.usages();
    const client = await produce(cluster, topic, recordBytes, records);
    written += records;
    const total = numberAfter(
      client.output.slice(client.output.lastIndexOf(`${records} records sent`)),
      /([\d.]+) records\/sec/,
    );
    if (records / total >= wantedSeconds * longEnough || attempt === attemptsMax) {
      const recordsPerSecond = rateAtEnd(client.output, seconds) ?? total;
      return { before, client, records, recordsPerSecond, written };
    }
    records = Math.ceil(total * wantedSeconds);
  }
}

/** The tool prints a line every five seconds: the rate of the last ones, of at least so many seconds together. */
function rateAtEnd(output: string, seconds: number): number | undefined {
  const lines = [...output.matchAll(/^(\d+) records sent, ([\d.]+) records\/sec/gm)];
  const windows = lines.slice(0, -1).map(([, records, rate]) => [Number(records), Number(rate)]);
  let [records, lasted] = [0, 0];
  for (const [count = 0, rate = 1] of windows.toReversed()) {
    if (lasted >= seconds) break;
    records += count;
    lasted += count / rate;
  }
  return lasted < seconds ? undefined : records / lasted;
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

function produce(
  { bootstrap, processes }: KafkaCluster,
  topic: string,
  recordBytes: number,
  records: number,
): Promise<ClientRun> {
  return runKafka(processes, "org.apache.kafka.tools.ProducerPerformance", [
    ...["--topic", topic, "--num-records", String(records), "--record-size", String(recordBytes)],
    ...["--throughput", "-1", "--producer-props", `bootstrap.servers=${bootstrap}`],
    ...["acks=all", `batch.size=${batchBytes}`, `linger.ms=${lingerMs}`, "buffer.memory=67108864"],
  ]);
}

/** The open loop, which Kafka's own tools do not have: ours with its client, compiled when it starts. */
async function pace(
  { options }: PeerRun,
  { bootstrap, processes }: KafkaCluster,
  topic: string,
  recordBytes: number,
  rate: number,
): Promise<PacedLoad> {
  const { quick, seconds, warmUpSeconds } = options;
  const times = [quick ? warmUpSeconds : warmUpSecondsMin, seconds];
  const numbers = [recordBytes, rate, ...times, batchBytes, lingerMs];
  const args = [bootstrap, topic, ...numbers.map(String)];
  const client = await runKafka(processes, loadProgram, args);
  return pacedLoadOf(client.output);
}

function version(): string {
  const jar = readdirSync(kafkaLibraries).find((name) => /^kafka-clients-[\d.]+\.jar$/.test(name));
  return jar?.replace(/^kafka-clients-|\.jar$/g, "") ?? "";
}
