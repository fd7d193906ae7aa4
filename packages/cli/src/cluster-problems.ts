import type {
  BrokerDescription,
  DescribeBrokerHealthResponse,
  DescribeClusterResponse,
} from "@ropewalk/protocol";

/** How bad it is: `critical` where something cannot be read or written, `warning` where one fault more could do that. */
export type Severity = "critical" | "warning";

/** Everything that can be wrong with a cluster, by the names that scripts see. */
export type ProblemKind =
  | "no-controller"
  | "leaderless-partitions"
  | "silent-broker"
  | "fenced-broker"
  | "broker-not-answering"
  | "broker-not-ready"
  | "failed-disk"
  | "full-disk"
  | "stalled-disk"
  | "blocked-loop"
  | "under-replicated-partitions"
  | "absent-replicas"
  | "version-skew"
  | "leader-skew";

/** One thing that is wrong, for people and for scripts. */
export interface Problem {
  readonly kind: ProblemKind;
  readonly severity: Severity;
  /** What is wrong, with its names and numbers. */
  readonly what: string;
  /** What mends it: a command, or where to look. */
  readonly mend: string;
}

/** What was found out: the cluster as one broker sees it, and what brokers say of themselves. */
export interface ClusterFindings {
  readonly cluster: DescribeClusterResponse;
  /** By id; brokers that did not answer are missing. */
  readonly health: ReadonlyMap<number, DescribeBrokerHealthResponse>;
}

/** Partitions that are named in one line. */
const partitionsNamedMax = 5;
/** A broker leads too much when it leads so many times its share … */
const skewFactor = 1.5;
/** … and so many partitions beyond it: in a small cluster one more says nothing. */
const skewCountMin = 3;

/** Everything that keeps the cluster from being healthy: what is critical first. */
export function clusterProblems(findings: ClusterFindings): Problem[] {
  const { cluster } = findings;
  const found = [
    ...controllerProblems(cluster),
    ...leaderlessProblems(cluster),
    ...cluster.brokers.flatMap((broker) => brokerProblems(broker, findings)),
    ...underReplicationProblems(findings),
    ...versionProblems(cluster),
    ...skewProblems(cluster),
  ];
  const critical = found.filter(({ severity }) => severity === "critical");
  return [...critical, ...found.filter(({ severity }) => severity === "warning")];
}

/** The exit status that tells scripts: 0 healthy, 1 warnings only, 2 something is critical. */
export function healthStatus(problems: readonly Problem[]): 0 | 1 | 2 {
  if (problems.length === 0) return 0;
  return problems.some(({ severity }) => severity === "critical") ? 2 : 1;
}

function controllerProblems(cluster: DescribeClusterResponse): Problem[] {
  if (cluster.controllerId !== 0) return [];
  const what = "there is no controller: topics can be neither made nor changed";
  const mend = startAgain(cluster) ?? "wait for its election; then look at the logs of the brokers";
  return [{ kind: "no-controller", severity: "critical", what, mend }];
}

function leaderlessProblems(cluster: DescribeClusterResponse): Problem[] {
  const names = cluster.leaderless.map(({ partition, topic }) => `${topic}/${partition}`);
  if (names.length === 0) return [];
  const [first] = cluster.leaderless;
  const what = `${counted(names.length, "partition has", "partitions have")} no leader (${named(names)})`;
  const mend =
    startAgain(cluster) ?? `wait for an election; then: ropewalk topic describe ${first?.topic}`;
  return [{ kind: "leaderless-partitions", severity: "critical", what, mend }];
}

/** Starts what is silent: a majority comes back with it. */
function startAgain({ brokers }: DescribeClusterResponse): string | undefined {
  const silent = brokers.filter(({ alive }) => !alive).map(({ brokerId }) => brokerId);
  if (silent.length === 0) return undefined;
  return `start ${counted(silent.length, "broker", "brokers", silent.join(", "))} again, each with its data directory: ropewalk broker --id ID`;
}

function brokerProblems(broker: BrokerDescription, { health }: ClusterFindings): Problem[] {
  const name = `broker ${broker.brokerId} (${broker.host}:${broker.port})`;
  if (!broker.alive) return [silentProblem(name, broker)];
  // Other brokers hear it, and the controller does not count on it.
  if (broker.state === "FENCED") return [fencedProblem(name), ...answered(name, broker, health)];
  return answered(name, broker, health);
}

/** What an admin did with a broker says what is to be done now that it is silent. */
function silentProblem(
  name: string,
  { brokerId, replicaCount, state }: BrokerDescription,
): Problem {
  const lacking = counted(replicaCount, "replica lacks", "replicas lack");
  const start = `ropewalk broker --id ${brokerId}`;
  const problem = { kind: "silent-broker", severity: "warning" } as const;
  if (state === "DECOMMISSIONING") {
    const what = `${name} is silent and on its way out of the cluster: ${lacking} it`;
    const mend =
      "they are made anew at other brokers by themselves; see ropewalk partitions list-reassignments";
    return { ...problem, what, mend };
  }
  if (state === "DRAINED" || state === "DRAINING") {
    const what = `${name} is silent and was drained: ${lacking} it`;
    const mend = `when what it was drained for is done, start it again: ${start}; then: ropewalk broker undrain ${brokerId}`;
    return { ...problem, what, mend };
  }
  const what = `${name} is silent${state === "FENCED" ? " and fenced" : ""}: ${lacking} it`;
  const mend = `start it again with its data directory, or, where its disk is lost, a new one with the same id and an empty one: ${start}; or take it out of the cluster: ropewalk broker decommission ${brokerId}`;
  return { ...problem, what, mend };
}

function fencedProblem(name: string): Problem {
  const what = `${name} is fenced: the controller has not heard it lately, or it lacks metadata; it leads nothing and gets no new replicas`;
  const mend =
    "it comes back by itself; where it does not, see its log, and whether it reaches the other brokers";
  return { kind: "fenced-broker", severity: "warning", what, mend };
}

/** What a broker says of itself, or that it says nothing. */
function answered(
  name: string,
  broker: BrokerDescription,
  health: ClusterFindings["health"],
): Problem[] {
  const own = health.get(broker.brokerId);
  if (own !== undefined) return ownProblems(name, own);
  const what = `${name} is there for other brokers, and does not answer here`;
  const mend = `see whether ${broker.host}:${broker.port} can be reached from this machine`;
  return [{ kind: "broker-not-answering", severity: "warning", what, mend }];
}

function ownProblems(name: string, own: DescribeBrokerHealthResponse): Problem[] {
  const { absentReplicaCount, brokerId, diskState, loopBlocked, notReadyReason } = own;
  const restart = `ropewalk broker --id ${brokerId}`;
  const problems: Problem[] = [];
  const add = (kind: ProblemKind, severity: Severity, what: string, mend: string): void => {
    problems.push({ kind, severity, what: `${name} ${what}`, mend });
  };
  if (diskState === "FAILED") {
    const mend = `mend or replace its disk, then start it again: ${restart}`;
    add("failed-disk", "warning", "is without its disk: a write failed", mend);
  } else if (notReadyReason !== "") {
    add("broker-not-ready", "warning", `takes no clients: ${notReadyReason}`, "see its log");
  }
  if (diskState === "FULL") {
    const mend = "make room, or: ropewalk topic delete-records TOPIC --before OFFSET -p PARTITION";
    add("full-disk", "critical", "refuses records: its disk is full", mend);
  }
  if (diskState === "STALLED") {
    const mend = "see its machine's disk; where it does not recover, replace the broker";
    add("stalled-disk", "warning", "leads nothing: a write to its disk does not end", mend);
  }
  if (loopBlocked) {
    const mend = "see what else its machine does, or give it a processor of its own";
    add("blocked-loop", "warning", "leads nothing: its event loop is blocked", mend);
  }
  if (absentReplicaCount > 0) {
    const what = `rebuilds ${counted(absentReplicaCount, "replica", "replicas")} from others: damaged`;
    add("absent-replicas", "warning", what, "it mends itself; where it does not, see its log");
  }
  return problems;
}

/** Replicas that silent brokers hold are told with these; here are those that lag. */
function underReplicationProblems({ cluster, health }: ClusterFindings): Problem[] {
  const alive = new Set(cluster.brokers.filter((each) => each.alive).map((each) => each.brokerId));
  const names: string[] = [];
  const lagging = new Set<number>();
  let count = 0;
  for (const own of health.values()) {
    count += own.underReplicatedCount;
    for (const { partition, replicaIds, topic } of own.underReplicated) {
      names.push(`${topic}/${partition}`);
      for (const id of replicaIds) lagging.add(id);
    }
  }
  if (count === 0) return [];
  const silent = [...lagging].filter((id) => !alive.has(id));
  const what = `${counted(count, "partition is", "partitions are")} under-replicated (${named(names)}): brokers ${[...lagging].toSorted((a, b) => a - b).join(", ")} lack records`;
  const mend =
    silent.length > 0
      ? (startAgain(cluster) ?? "")
      : "they catch up by themselves; where they do not, see their logs and disks";
  return [{ kind: "under-replicated-partitions", severity: "warning", what, mend }];
}

function versionProblems({ brokers }: DescribeClusterResponse): Problem[] {
  const byVersion = Map.groupBy(
    brokers.filter(({ alive }) => alive),
    ({ version }) => version,
  );
  if (byVersion.size < 2) return [];
  const newest = [...byVersion.keys()].toSorted(compareVersions).at(-1) ?? "";
  const listed = [...byVersion].map(([version, of]) => {
    return `${version} on ${of.map(({ brokerId }) => brokerId).join(", ")}`;
  });
  const what = `brokers run different versions: ${listed.join("; ")}`;
  const mend = `finish the upgrade: restart the others, one after another, with version ${newest}`;
  return [{ kind: "version-skew", severity: "warning", what, mend }];
}

function compareVersions(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}

const awayStates: ReadonlySet<BrokerDescription["state"]> = new Set([
  "DRAINING",
  "DRAINED",
  "DECOMMISSIONING",
]);

/** A broker's share of leaders is that of the replicas that it holds. */
function skewProblems({ brokers }: DescribeClusterResponse): Problem[] {
  // While a broker is drained others lead its share.
  if (brokers.some(({ state }) => awayStates.has(state))) return [];
  const alive = brokers.filter((each) => each.alive && each.replicaCount > 0);
  const led = sum(alive.map(({ ledPartitionCount }) => ledPartitionCount));
  const replicas = sum(alive.map(({ replicaCount }) => replicaCount));
  return alive.flatMap(({ brokerId, ledPartitionCount, replicaCount }) => {
    const share = (led * replicaCount) / replicas;
    const isMuch = ledPartitionCount > share * skewFactor;
    if (!isMuch || ledPartitionCount < share + skewCountMin) return [];
    const what = `broker ${brokerId} leads ${ledPartitionCount} partitions, its share is ${Math.round(share)}`;
    const mend =
      "leaders go back by themselves; where replicas lie unevenly: ropewalk partitions reassign --auto";
    return [{ kind: "leader-skew", severity: "warning", what, mend } as const];
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function counted(count: number, one: string, many: string, shown = String(count)): string {
  return shown === String(count)
    ? `${count} ${count === 1 ? one : many}`
    : `${count === 1 ? one : many} ${shown}`;
}

function named(names: readonly string[]): string {
  const rest = names.length > partitionsNamedMax ? ", …" : "";
  return names.slice(0, partitionsNamedMax).join(", ") + rest;
}
