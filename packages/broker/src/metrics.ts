import type { LogStore } from "@ropewalk/log";
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Fitness } from "./fitness/fitness-watch.ts";
import type { PeerNetwork } from "./peer/peer-network.ts";
import type { RaftHost } from "./raft/raft-host.ts";
import type { ReplicaSet } from "./replicas/replica-set.ts";
import type { ReplicaRebuilding } from "./snapshot/replica-rebuilding.ts";

/** What is counted where it happens; everything else is looked up when somebody asks. */
export interface Metrics {
  readonly registry: Registry;
  readonly appendedBytes: Counter;
  readonly fetchedBytes: Counter;
}

/** Where figures are looked up. */
export interface MetricSources {
  readonly host: RaftHost;
  readonly rebuilding: ReplicaRebuilding;
  readonly replicas: ReplicaSet;
  readonly peers: PeerNetwork;
  readonly store: LogStore;
  readonly isReady: () => boolean;
  readonly fitness: () => Fitness;
  /** Whether memory, event loop and the like of this process are among them. */
  readonly hasProcessMetrics: boolean;
}

/** The metrics of one broker, in a registry of its own: one process may hold several brokers. */
export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  if (sources.hasProcessMetrics) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const appendedBytes = new Counter({
    name: "ropewalk_produce_bytes_total",
    help: "Bytes of record batches that were acknowledged over gRPC streams.",
    registers,
  });
  const fetchedBytes = new Counter({
    name: "ropewalk_fetch_bytes_total",
    help: "Bytes of record batches that were sent over gRPC streams.",
    registers,
  });
  registerGauges(registers, sources);
  registerCounters(registers, sources);
  return { registry, appendedBytes, fetchedBytes };
}

function registerGauges(
  registers: Registry[],
  { fitness, host, isReady, replicas, store }: MetricSources,
): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    void new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  const count = (matches: (group: { leaderId: number; leading: boolean }) => boolean): number => {
    let matching = 0;
    for (const { leaderId, leadership } of replicas.groups()) {
      if (matches({ leaderId, leading: leadership.kind === "leading" })) matching += 1;
    }
    return matching;
  };
  gauge("ropewalk_ready", "Whether the broker is registered and knows a controller.", () =>
    Number(isReady()),
  );
  gauge(
    "ropewalk_fit_to_lead",
    "Whether disk and event loop are well enough to lead: 0 while one of them stands still.",
    () => Number(fitness() === "sound"),
  );
  gauge("ropewalk_replicas", "Replicas on this broker.", () => count(() => true));
  gauge("ropewalk_partitions_led", "Partitions that this broker leads.", () =>
    count(({ leading }) => leading),
  );
  gauge("ropewalk_replicas_leaderless", "Replicas on this broker that know no leader.", () =>
    count(({ leaderId }) => leaderId === 0),
  );
  gauge(
    "ropewalk_replicas_absent",
    "Replicas on this broker that take no part: damaged, or being rebuilt from others.",
    () => replicas.absentCount,
  );
  gauge("ropewalk_raft_groups_awake", "Raft groups that are ticked; the others hibernate.", () => {
    return host.awakeCount;
  });
  gauge("ropewalk_journal_queued_bytes", "Bytes that wait to be written and flushed.", () => {
    return store.statistics.queuedBytes;
  });
  gauge("ropewalk_log_cached_bytes", "Recent entries that are kept in memory.", () => {
    return store.statistics.cachedBytes;
  });
  gauge("ropewalk_journal_files", "Files of the journal.", () => store.statistics.fileCount);
  gauge(
    "ropewalk_journal_bytes",
    "What the journal takes, beyond files that wait to be used.",
    () => {
      return store.statistics.fileBytes;
    },
  );
  gauge("ropewalk_disk_full", "Whether records are refused because the disk is full.", () =>
    Number(store.isFull),
  );
  registerPartitionGauge(registers, replicas);
}

function registerPartitionGauge(registers: Registry[], replicas: ReplicaSet): void {
  void new Gauge({
    name: "ropewalk_partition_high_watermark",
    help: "The offset after the last committed record, as far as this replica knows.",
    labelNames: ["topic", "partition"],
    registers,
    collect() {
      this.reset();
      for (const replica of replicas.partitions()) {
        this.set({ topic: replica.topic, partition: replica.partition }, replica.highWatermark());
      }
    },
  });
}

function registerCounters(
  registers: Registry[],
  { host, peers, rebuilding, store }: MetricSources,
): void {
  const counter = (name: string, help: string, value: () => number): void => {
    void new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  };
  const { counters, scheduling } = host;
  counter(
    "ropewalk_raft_passes_total",
    "Passes over groups that something happened to.",
    () => scheduling.passes,
  );
  counter("ropewalk_elections_started_total", "Elections that this broker began.", () => {
    return scheduling.electionsStarted;
  });
  counter("ropewalk_raft_group_visits_total", "Groups visited in passes.", () => scheduling.visits);
  counter(
    "ropewalk_journal_writes_total",
    "Passes that had to be made durable.",
    () => counters.writes,
  );
  counter(
    "ropewalk_raft_messages_unknown_group_total",
    "Raft messages for groups that are not on this broker.",
    () => counters.messagesUnknownGroup,
  );
  counter("ropewalk_journal_flushes_total", "Durable writes of the journal.", () => {
    return store.statistics.flushCount;
  });
  counter("ropewalk_journal_flushed_bytes_total", "Bytes made durable by them.", () => {
    return store.statistics.flushedBytes;
  });
  registerStoredBytes(counter, store);
  counter("ropewalk_snapshots_sent_total", "Snapshots sent to replicas that lag behind.", () => {
    return counters.snapshotsSent;
  });
  counter(
    "ropewalk_snapshots_installed_total",
    "Snapshots that took the place of a replica's log here.",
    () => rebuilding.counters.snapshotsInstalled,
  );
  counter(
    "ropewalk_snapshots_failed_total",
    "Snapshots that could not be sent to a replica, or not be taken in here.",
    () => counters.snapshotsLost + rebuilding.counters.snapshotsFailed,
  );
  counter(
    "ropewalk_replicas_repaired_total",
    "Damaged replicas on this broker that were rebuilt from others.",
    () => rebuilding.counters.replicasRepaired,
  );
  registerLanes(counter, peers);
}

function registerStoredBytes(
  counter: (name: string, help: string, value: () => number) => void,
  store: MetricSources["store"],
): void {
  counter(
    "ropewalk_segments_moved_bytes_total",
    "Bytes moved from the journal to segments.",
    () => {
      return store.statistics.movedBytes;
    },
  );
  counter(
    "ropewalk_scrubbed_bytes_total",
    "Bytes of cold segments read again and verified.",
    () => {
      return store.statistics.scrubbedBytes;
    },
  );
  counter("ropewalk_scrub_faults_total", "Segments that were found damaged by it.", () => {
    return store.statistics.scrubFaults;
  });
}

function registerLanes(
  counter: (name: string, help: string, value: () => number) => void,
  peers: MetricSources["peers"],
): void {
  for (const lane of ["control", "append", "bulk"] as const) {
    const of = peers.counters[lane];
    counter(
      `ropewalk_peer_${lane}_sent_bytes_total`,
      `Bytes sent to peers on the ${lane} lane.`,
      () => of.bytesSent,
    );
    counter(
      `ropewalk_peer_${lane}_dropped_messages_total`,
      `Messages to peers that were dropped on the ${lane} lane.`,
      () => of.messagesDropped,
    );
  }
}
