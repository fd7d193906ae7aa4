import type { BrokerLimits } from "@ropewalk/broker";
import { type FaultKind, faultKinds } from "./nemesis.ts";
import { SeededRandom } from "./world/seeded-random.ts";
import type { DiskSpeed } from "./world/simulated-disk.ts";
import type { LinkQuality } from "./world/simulated-links.ts";

/** Everything that one run is made of. */
export interface RunOptions {
  readonly seed: string;
  readonly brokerCount: number;
  readonly partitionCount: number;
  readonly producerCount: number;
  readonly consumerCount: number;
  readonly valueBytesMax: number;
  readonly pauseMsMax: number;
  readonly burstMax: number;
  readonly faults: readonly FaultKind[];
  readonly faultEveryMsMax: number;
  readonly faultLastsMsMax: number;
  readonly busyMs: number;
  /** Everything must have converged so long after the last fault. */
  readonly livenessMs: number;
  readonly link: LinkQuality;
  readonly disk: DiskSpeed;
  readonly limits: Partial<BrokerLimits>;
  /** How long it takes at most until replicas are moved again; 0: they stay. */
  readonly moveEveryMsMax: number;
}

/** What a seed decides: each run leaves things out, so that what remains happens more often (swarm testing, Groce 2012). */
export function optionsOfSeed(
  seed: string,
  allowed: readonly FaultKind[] = faultKinds,
): RunOptions {
  const random = new SeededRandom(`${seed}/options`);
  const latencyMsMin = random.between(0.05, 2);
  return {
    seed,
    brokerCount: random.pick([3, 3, 3, 5]),
    partitionCount: 1 + random.integer(6),
    producerCount: 1 + random.integer(3),
    consumerCount: random.integer(3),
    valueBytesMax: random.pick([16, 200, 2000]),
    pauseMsMax: random.pick([20, 100, 500]),
    burstMax: random.pick([1, 5, 20]),
    faults: allowed.filter(() => random.chance(0.5)),
    faultEveryMsMax: random.pick([500, 2000, 8000]),
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
      entriesPerImage: 50,
      entriesPerCheckpoint: 20,
      ...random.pick([{}, {}, { uncommittedBytesMax: 8 * 1024 }]),
      ...random.pick([{}, { appendBytesMax: 2 * 1024 }]),
    },
    moveEveryMsMax: random.pick([0, 300, 2000, 6000]),
  };
}
