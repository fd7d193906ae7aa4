import type { BrokerLimits } from "@ropewalk/broker";
import type { StartFrom } from "@ropewalk/client";
import { type FaultKind, lossyFaults, usualFaults } from "./nemesis/fault-kind.ts";
import { type LastingFault, lastingFaults } from "./nemesis/nemesis.ts";
import {
  brokersOfNewcomer,
  leaderBalanceMs,
  plotFaults,
  type PlotKind,
  plotKinds,
} from "./plots/plot.ts";
import { type TopicChore, topicChores } from "./workload/administering.ts";
import type { BrokerVersion } from "./simulated-cluster.ts";
import { type BrokerChore, brokerChores } from "./workload/operating.ts";
import { SeededRandom } from "./world/seeded-random.ts";
import type { DiskSpeed } from "./world/simulated-disk.ts";
import type { LinkQuality } from "./world/simulated-links.ts";
import { startWallMs } from "./world/simulated-process.ts";

/** Everything that one run is made of. */
export interface RunOptions {
  readonly seed: string;
  readonly brokerCount: number;
  readonly partitionCount: number;
  readonly producerCount: number;
  /** So many of the producers cannot tell a resend from a new record. */
  readonly plainProducerCount: number;
  /** Where consumers outside of groups start, each. */
  readonly consumersFrom: readonly StartFrom[];
  readonly valueBytesMax: number;
  /** What producers gather for a partition; absent: the client's default. */
  readonly batchBytesMax: number | undefined;
  readonly pauseMsMax: number;
  readonly burstMax: number;
  readonly faults: readonly FaultKind[];
  readonly faultEveryMsMax: number;
  readonly faultLastsMsMax: number;
  /** The numbers of the faults that happen; absent: all. */
  readonly strikes?: readonly number[];
  readonly busyMs: number;
  /** How one machine stays broken while the others are mended; absent: none does. */
  readonly lastingFault: LastingFault | undefined;
  /** Everything must have converged so long after the last fault. */
  readonly livenessMs: number;
  readonly link: LinkQuality;
  readonly disk: DiskSpeed;
  readonly limits: Partial<BrokerLimits>;
  /** How long it takes at most until replicas are moved again; 0: they stay. */
  readonly moveEveryMsMax: number;
  readonly replicaCountMin: number;
  /** Members of a consumer group at once; 0: there is none. */
  readonly groupMemberCount: number;
  readonly memberStayMsMax: number;
  /** Whether all members of the group commit on their own, and what was taken from them, too. */
  readonly membersCling: boolean;
  readonly topicChores: readonly TopicChore[];
  readonly brokerChores: readonly BrokerChore[];
  /** What the first brokers are. */
  readonly firstVersion: BrokerVersion;
  readonly choreEveryMsMax: number;
  readonly growBy: number;
  /** How long it takes at most until a topic is deleted and made again; 0: none is. */
  readonly churnEveryMsMax: number;
  /** How long slow readers take for a record at most; 0: none is slow. */
  readonly handlingMsMax: number;
  /** How long it takes at most until records are deleted again; 0: none are. */
  readonly trimEveryMsMax: number;
  /** Rare histories that the cluster is led into. */
  readonly plots: readonly PlotKind[];
}

/** Where a consumer may start. */
const starts: readonly StartFrom[] = [
  "earliest",
  "latest",
  { timestampMs: 0 },
  { timestampMs: startWallMs + 5000 },
  { last: 10 },
];

/** What a seed decides: each run leaves things out, so that what remains happens more often (swarm testing, Groce 2012). */
export function optionsOfSeed(
  seed: string,
  allowed: readonly FaultKind[] = usualFaults,
): RunOptions {
  const options = withContention(optionsWithoutPlots(seed, allowed));
  return withPlots(withUpgrades(withNarrowQueues(options)), allowed);
}

/** The same, as seeds were before there were upgrades and narrow queues. */
export function optionsOfOneVersion(
  seed: string,
  allowed: readonly FaultKind[] = usualFaults,
): RunOptions {
  return withPlots(withContention(optionsWithoutPlots(seed, allowed)), allowed);
}

/** The same, as seeds were before there were plots and members that cling: what they found then is found again. */
export function optionsWithoutPlots(
  seed: string,
  allowed: readonly FaultKind[] = usualFaults,
): RunOptions {
  const random = new SeededRandom(`${seed}/options`);
  const latencyMsMin = random.between(0.05, 2);
  const faultShare = random.pick([0.2, 0.5]);
  return survivable({
    seed,
    brokerCount: random.pick([3, 3, 3, 5]),
    partitionCount: 1 + random.integer(6),
    producerCount: 1 + random.integer(3),
    plainProducerCount: random.pick([0, 0, 0, 1]),
    consumersFrom: Array.from({ length: random.integer(4) }, () => random.pick(starts)),
    valueBytesMax: random.pick([16, 200, 2000]),
    batchBytesMax: undefined,
    pauseMsMax: random.pick([20, 100, 500]),
    burstMax: random.pick([1, 5, 12]),
    faults: allowed.filter(() => random.chance(faultShare)),
    faultEveryMsMax: random.pick([500, 1000, 6000]),
    faultLastsMsMax: random.pick([200, 2000, 10_000]),
    busyMs: 20_000,
    livenessMs: 60_000,
    link: {
      latencyMsMin,
      latencyMsMax: latencyMsMin * random.between(1, 5),
      lossProbability: random.pick([0, 0, 0.001, 0.02]),
      resendMs: 200,
      bytesPerMs: random.pick([20_000, 100_000]),
    },
    disk: {
      writeMs: random.between(0.02, 0.5),
      syncMs: random.between(0.1, 8),
      readMs: random.between(0.02, 1),
      bytesPerMs: random.pick([50_000, 500_000]),
    },
    limits: {
      retentionCheckMs: 5000,
      compactionCheckMs: 3000,
      internalCutCheckMs: 2000,
      entriesPerImage: random.pick([50, 5]),
      entriesPerCheckpoint: 20,
      ...random.pick([{}, {}, { uncommittedBytesMax: 8 * 1024 }]),
      ...random.pick([{}, { appendBytesMax: 2 * 1024 }]),
    },
    moveEveryMsMax: random.pick([0, 300, 2000, 6000]),
    replicaCountMin: 1,
    groupMemberCount: random.pick([0, 0, 1, 3]),
    memberStayMsMax: random.pick([500, 3000, 20_000]),
    membersCling: false,
    topicChores: topicChores.filter(() => random.chance(0.3)),
    brokerChores: brokerChores.filter(() => random.chance(0.2)),
    firstVersion: "newer",
    choreEveryMsMax: random.pick([500, 3000, 8000]),
    growBy: 1 + random.integer(2),
    churnEveryMsMax: random.pick([0, 0, 200, 2000]),
    lastingFault: allowed.length > 0 && random.chance(0.2) ? random.pick(lastingFaults) : undefined,
    handlingMsMax: random.pick([0, 20, 200]),
    trimEveryMsMax: random.pick([0, 0, 300, 2000]),
    plots: [],
  });
}

/** In some runs partitions go from one member of the group to another all the time, and nobody lets go of them gladly. */
function withContention(options: RunOptions): RunOptions {
  const random = new SeededRandom(`${options.seed}/group`);
  if (random.chance(3 / 4)) return options;
  return {
    ...options,
    partitionCount: Math.max(3, options.partitionCount),
    groupMemberCount: 3,
    memberStayMsMax: random.pick([1000, 3000]),
    membersCling: true,
  };
}

/** In some runs brokers may hold so little that producers, peers and the journal wait for each other. */
function withNarrowQueues(options: RunOptions): RunOptions {
  const random = new SeededRandom(`${options.seed}/queues`);
  if (random.chance(3 / 4)) return options;
  const limits = {
    appendBytesMax: random.pick([1, 4]) * 1024,
    streamInFlightBytesMax: random.pick([1, 16]) * 1024,
    produceInFlightBytesMax: random.pick([2, 32]) * 1024,
    journalQueueBytesMax: random.pick([4, 64]) * 1024,
    peerQueueBytesMax: random.pick([8, 64]) * 1024,
  };
  const load = random.chance(0.5) ? { valueBytesMax: 1000, pauseMsMax: 50, burstMax: 12 } : {};
  const narrow = { ...load, batchBytesMax: 8 * 1024, limits: { ...options.limits, ...limits } };
  return { ...options, ...narrow };
}

/** In some runs all brokers are of an older version at first, and get the newer one while they work, or do not. */
function withUpgrades(options: RunOptions): RunOptions {
  const random = new SeededRandom(`${options.seed}/versions`);
  if (random.chance(3 / 4)) return options;
  const others = options.brokerChores.filter(() => random.chance(0.5));
  return { ...options, firstVersion: "older", brokerChores: [...others, "upgrade"] };
}

/** A seed is in all else as it would be without: plots have random numbers of their own. */
function withPlots(options: RunOptions, allowed: readonly FaultKind[]): RunOptions {
  // Plots need replicas that move, and do harm of their own.
  const mayPlot = plotFaults.every((kind) => allowed.includes(kind));
  if (!mayPlot || options.lastingFault !== undefined) return options;
  const random = new SeededRandom(`${options.seed}/plots`);
  const plots = random.chance(1 / 3) ? plotKinds.filter(() => random.chance(0.5)) : [];
  if (plots.length === 0) return options;
  // What else breaks mostly breaks the plot, too.
  const isUndisturbed = random.chance(0.5);
  return {
    ...options,
    ...(isUndisturbed
      ? { faults: [], moveEveryMsMax: 0, brokerChores: [], replicaCountMin: 1 }
      : {}),
    ...(plots.includes("newcomer's vote") ? { brokerCount: brokersOfNewcomer } : {}),
    limits: { ...options.limits, ...(plots.includes("lone leader") ? { leaderBalanceMs } : {}) },
    plots,
  };
}

/**
 * Where a machine may lose what it has on disk, or stays broken, every partition has two other replicas; and where it
 * stays broken, nobody waits for replicas to move to it or away from it, or makes topics that need it.
 */
function survivable(options: RunOptions): RunOptions {
  const { faults, lastingFault } = options;
  const isLossy = faults.some((kind) => lossyFaults.includes(kind));
  if (lastingFault === undefined) return isLossy ? { ...options, replicaCountMin: 3 } : options;
  const chores = options.brokerChores.filter(
    (chore) => chore === "grow" || chore === "rolling restart",
  );
  return { ...options, moveEveryMsMax: 0, churnEveryMsMax: 0, brokerChores: chores };
}
