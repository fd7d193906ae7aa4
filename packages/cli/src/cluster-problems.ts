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
  | "few-metadata-voters"
  | "version-skew"
  | "feature-level"
  | "leader-skew";

/** One thing that is wrong, for people and for scripts. */
export interface Problem {
  readonly kind: ProblemKind;
  readonly severity: Severity;
  /** What is wrong, with its names and numbers. */
  readonly what: string;
  /** What mends it: a command, or where to look; a line for each way, where it depends on what happened. */
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
    ...voterProblems(cluster),
    ...featureProblems(cluster),
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
  const how = silent.length === 1 ? "with its data directory" : "each with its data directory";
  const silentOnes = counted(silent.length, "broker", "brokers", silent.join(", "));
  return `start ${silentOnes} again, ${how}; how is said where a broker is called silent`;
}

function brokerProblems(
  broker: BrokerDescription,
  { cluster, health }: ClusterFindings,
): Problem[] {
  const name = `broker ${broker.brokerId} (${broker.host}:${broker.port})`;
  if (!broker.alive) return [silentProblem(name, broker, cluster)];
  // Other brokers hear it, and the controller does not count on it.
  if (broker.state === "FENCED") return [fencedProblem(name), ...answered(name, broker, health)];
  return answered(name, broker, health);
}

/** What an admin did with a broker says what is to be done now that it is silent. */
function silentProblem(
  name: string,
  { brokerId, replicaCount, state }: BrokerDescription,
  cluster: DescribeClusterResponse,
): Problem {
  const lacking = counted(replicaCount, "replica lacks", "replicas lack");
  const start = startCommand(brokerId, cluster);
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
  return { ...problem, what, mend: replacement(brokerId, cluster) };
}

/** The ways back from a broker that is silent: by what is left of it. */
function replacement(brokerId: number, cluster: DescribeClusterResponse): string {
  const again = `where its data directory is there, start it again with the flags that it had: ${startCommand(brokerId, cluster)}`;
  if (cluster.controllerId === 0) {
    const rest =
      "without a majority of the brokers that vote on the metadata no broker can be replaced: bring one back with its data first";
    return [again, rest].join("\n");
  }
  const newId = Math.max(...cluster.brokers.map((each) => each.brokerId)) + 1;
  const rack = cluster.brokers.find((each) => each.brokerId === brokerId)?.rack;
  return [
    again,
    "where its disk is lost, the same with an empty directory: it gets everything from the others",
    `where it is gone for good, start another one, with the listen and advertise flags of its machine: ${startCommand(newId, cluster, rack)}; then: ropewalk broker decommission ${brokerId}`,
  ].join("\n");
}

/**
 * What starts a broker so that it finds the cluster, for without peers it would form one of its own, and is found
 * where it was.
 */
function startCommand(
  brokerId: number,
  { brokers }: DescribeClusterResponse,
  rack: string = brokers.find((each) => each.brokerId === brokerId)?.rack ?? "",
): string {
  const peers = brokers
    .filter((each) => (each.alive || each.brokerId === brokerId) && each.peerHost !== "")
    .map((each) => `${each.brokerId}=${each.peerHost}:${each.peerPort}`);
  const list = peers.length === 0 ? "PEERS" : peers.join(",");
  const place = rack === "" ? "" : ` --rack ${rack}`;
  return `ropewalk broker --id ${brokerId} --peers ${list}${place} --data-dir DIRECTORY`;
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
    const mend = `mend or replace its disk, then start it again with the flags that it had: ${restart} …`;
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

/** So many brokers that vote on the metadata can spare one of them. */
const votersThatSpareOneMin = 3;

/** One broker alone is meant to be that; wherever there are more, the metadata is to survive any one of them. */
function voterProblems(cluster: DescribeClusterResponse): Problem[] {
  const { brokers } = cluster;
  const voters = brokers.filter(({ controllerRole }) => controllerRole === "VOTER");
  const isFew = voters.length > 0 && voters.length < votersThatSpareOneMin;
  if (!isFew || brokers.length < 2) return [];
  const ids = voters.map(({ brokerId }) => brokerId);
  const lost = "topics, configs and brokers cannot be changed";
  const what =
    ids.length === 1
      ? `broker ${ids[0]} alone votes on the metadata: while it is away, ${lost}, and with its disk the metadata is lost`
      : `only brokers ${ids.join(", ")} vote on the metadata: while either is away, ${lost}`;
  const mend = voterMend(cluster);
  return [{ kind: "few-metadata-voters", severity: "warning", what, mend }];
}

/** Three vote once there are three that stay: one that follows already, or another one. */
function voterMend(cluster: DescribeClusterResponse): string {
  const { brokers } = cluster;
  const staying = brokers.filter(({ state }) => state !== "DECOMMISSIONING");
  const comes = staying.find(({ alive, controllerRole }) => alive && controllerRole !== "VOTER");
  if (comes !== undefined && staying.length >= votersThatSpareOneMin) {
    return `wait until broker ${comes.brokerId} has all of the metadata, and votes, too; where it does not, see its log`;
  }
  const newId = Math.max(...brokers.map(({ brokerId }) => brokerId)) + 1;
  return `start another broker, and three vote: ${startCommand(newId, cluster)}`;
}

/** Brokers that know more than the cluster does wait for somebody to say that there is no way back. */
function featureProblems({ brokers, featureLevel }: DescribeClusterResponse): Problem[] {
  const known = Math.min(...brokers.map((each) => each.featureLevelMax));
  if (brokers.length === 0 || known <= featureLevel) return [];
  const what = `every broker knows feature level ${known}, and the cluster is at ${featureLevel}`;
  const mend = "when you do not want to go back to the version before: ropewalk cluster upgrade";
  return [{ kind: "feature-level", severity: "warning", what, mend }];
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
