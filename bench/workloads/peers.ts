import { kafka } from "../peers/kafka.ts";
import { nats } from "../peers/nats.ts";
import { type Peer, peersWorkloadName } from "../peers/peer.ts";
import { rabbitmq } from "../peers/rabbitmq.ts";
import { roofline } from "../peers/roofline.ts";
import { measureStored } from "./fetch.ts";
import { measureLatency } from "./latency.ts";
import { baseCase, produceRow, sizeOf } from "./produce.ts";
import { withUsedJournals } from "./used-journals.ts";
import type { ResultRow } from "../results/result-file.ts";
import type { Workload, WorkloadContext } from "./workload.ts";

const recordSizes = [100, 1024] as const;
const loadPercent = 50;

/** In the order in which they are measured. */
const peers: readonly Peer[] = [roofline, kafka, nats, rabbitmq];

/** A load at which another system's latency was measured. */
interface SharedLoad {
  readonly system: string;
  readonly recordBytes: number;
  readonly recordsPerSecond: number;
}

/** `peers` */
export const peersWorkload: Workload = {
  name: peersWorkloadName,
  summary:
    "the same records into the roofline, Kafka, NATS JetStream and RabbitMQ, as far as they are installed",
  runsByDefault: false,
  async run(context) {
    const sizes = context.options.recordBytes ?? recordSizes;
    await withUsedJournals(context, async () => {
      for (const recordBytes of sizes) await measureOurs(context, recordBytes);
    });
    // Whoever is measured has the machine to itself.
    const { processes } = context.cluster;
    for (const id of processes?.runningIds ?? []) await processes?.stop(id);
    const loads = await measurePeers(context, sizes);
    if (processes === undefined) return;
    for (const id of processes.brokerIds) processes.spawn(id);
    await processes.ready();
    await withUsedJournals(context, async () => {
      for (const load of loads) await measureAtSameLoad(context, load);
    });
  },
};

/** Answers at which loads of Kafka's its latencies were measured. */
async function measurePeers(
  { findings, options }: WorkloadContext,
  sizes: readonly number[],
): Promise<readonly SharedLoad[]> {
  const loads: SharedLoad[] = [];
  const row = (found: ResultRow): void => {
    findings.row(found);
    const recordsPerSecond = found.figures.targetRecordsPerSecond;
    const recordBytes = Number(found.settings["recordBytes"]);
    if (recordsPerSecond === undefined || !found.system.startsWith(kafka.name)) return;
    loads.push({ system: found.system, recordBytes, recordsPerSecond });
  };
  for (const peer of peers) {
    if (options.peers !== undefined && !options.peers.includes(peer.name)) continue;
    const reason = peer.missing();
    if (reason === undefined) {
      try {
        await peer.measure({ findings: { ...findings, row }, options, recordSizes: sizes });
      } catch (error) {
        // The others are worth having all the same.
        const failure = error instanceof Error ? error.message : String(error);
        findings.skip({ workload: peersWorkloadName, system: peer.name, reason: failure });
      }
    } else findings.skip({ workload: peersWorkloadName, system: peer.name, reason });
  }
  return loads;
}

/** Half of the peak is another load for everybody. */
async function measureAtSameLoad(
  context: WorkloadContext,
  { recordBytes, recordsPerSecond, system }: SharedLoad,
): Promise<void> {
  const row = await measureLatency(context, { recordBytes, recordsPerSecond });
  if (row === undefined) return;
  const label = `produce, ${sizeOf(recordBytes)}, at the load of ${system}`;
  context.findings.row({ ...row, workload: peersWorkloadName, label });
}

/** Ours in the same run: records by the buffer, records with a promise each, reading, and latencies at half of the peak. */
async function measureOurs(context: WorkloadContext, recordBytes: number): Promise<void> {
  const workload = peersWorkloadName;
  const written = await produceRow(context, { ...baseCase, recordBytes });
  context.findings.row({ ...written, workload, label: `produce, ${sizeOf(recordBytes)}` });
  const sent = await produceRow(context, { ...baseCase, recordBytes, api: "send" });
  context.findings.row({
    ...sent,
    workload,
    label: `produce, ${sizeOf(recordBytes)}, a promise each`,
  });
  const fetched = await measureStored(context, recordBytes);
  context.findings.row({ ...fetched, workload, label: `fetch, ${sizeOf(recordBytes)}` });
  const peakRate = written.figures.recordsPerSecond ?? 0;
  const recordsPerSecond = Math.max(1, Math.floor((peakRate * loadPercent) / 100));
  const half = await measureLatency(context, { recordBytes, loadPercent, recordsPerSecond });
  if (half === undefined) return;
  const label = `produce, ${sizeOf(recordBytes)}, 50 % of the peak`;
  context.findings.row({ ...half, workload, label });
}
