import { kafka } from "../peers/kafka.ts";
import { nats } from "../peers/nats.ts";
import { type Peer, peersWorkloadName } from "../peers/peer.ts";
import { rabbitmq } from "../peers/rabbitmq.ts";
import { roofline } from "../peers/roofline.ts";
import { measureStored } from "./fetch.ts";
import { measureLatency } from "./latency.ts";
import { baseCase, produceRow, sizeOf } from "./produce.ts";
import { withUsedJournals } from "./used-journals.ts";
import type { Workload, WorkloadContext } from "./workload.ts";

const recordSizes = [100, 1024] as const;
const loadPercent = 50;

/** In the order in which they are measured. */
const peers: readonly Peer[] = [roofline, kafka, nats, rabbitmq];

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
    const { cluster, findings, options } = context;
    // Whoever is measured has the machine to itself.
    const processes = cluster.processes;
    for (const id of processes?.runningIds ?? []) await processes?.stop(id);
    for (const peer of peers) {
      if (options.peers !== undefined && !options.peers.includes(peer.name)) continue;
      const reason = peer.missing();
      if (reason === undefined) {
        try {
          await peer.measure({ findings, options, recordSizes: sizes });
        } catch (error) {
          // The others are worth having all the same.
          const failure = error instanceof Error ? error.message : String(error);
          findings.skip({ workload: peersWorkloadName, system: peer.name, reason: failure });
        }
      } else findings.skip({ workload: peersWorkloadName, system: peer.name, reason });
    }
  },
};

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
