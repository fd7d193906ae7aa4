import type { NewTopic } from "@ropewalk/client";
import {
  type ClusterSetting,
  SimulatedCluster,
  SimulatedProcess,
  World,
} from "@ropewalk/simulation";
import { checkedBrokers, newTopic } from "./cluster-shape.ts";
import { FlowingTime } from "./cluster-time.ts";
import { RealDoors } from "./real-doors.ts";
import { TestCluster } from "./test-cluster.ts";

/** What a cluster is to be like. */
export interface StartClusterOptions {
  /** How many brokers, 1 to 9. Default 3. */
  readonly brokers?: number | undefined;
  /** Topics that are there when it is ready: names, for one partition each, or more. */
  readonly topics?: readonly (string | NewTopic)[] | undefined;
  /** Whether clients of the real world reach it by gRPC, on free ports of this machine. Default false. */
  readonly listen?: boolean | undefined;
  /** What brokers and clients draw their random numbers from. Default "ropewalk". */
  readonly seed?: string | number | undefined;
}

/** How often real time is looked at: rarely where nobody else calls, always where somebody may. */
const restMs = { alone: 10, listening: 1 } as const;

/** A network and disks without worries: whoever wants some makes them, or calls `simulate`. */
const swiftLink = {
  latencyMsMin: 0.05,
  latencyMsMax: 0.1,
  lossProbability: 0,
  resendMs: 200,
  bytesPerMs: 1_000_000,
} as const;
const swiftDisk = { writeMs: 0.01, syncMs: 0.05, readMs: 0.01, bytesPerMs: 1_000_000 } as const;

/** Files as of a small broker: what is ahead of the records in use is memory here. */
const mebibyte = 1024 * 1024;
const memoryLog: NonNullable<ClusterSetting["log"]> = {
  journalBytesMax: 64 * mebibyte,
  fileBytesMax: 4 * mebibyte,
  fillAheadBytes: 64 * 1024,
  segmentBytesMax: 4 * mebibyte,
  cacheBytesMax: 4 * mebibyte,
  diskReserveBytes: 64 * 1024,
};

/** Coarser ticks for the same timeouts: an idle hour has half the events, and nobody waits for them in real time. */
const coarseTicks = { tickMs: 100, electionTicks: 10, heartbeatTicks: 3 } as const;

/**
 * Starts a cluster of real brokers in this thread and resolves when it can serve: `await using cluster = await
 * startCluster()`. It has no files and, unless told to `listen`, no ports, so that any number of them live side by
 * side. Rejects with INVALID_OPTION.
 */
export async function startCluster(options: StartClusterOptions = {}): Promise<TestCluster> {
  const { listen = false, seed = "ropewalk", topics = [] } = options;
  const brokers = checkedBrokers(options.brokers);
  const world = new World({ seed: String(seed), link: swiftLink, disk: swiftDisk });
  const time = new FlowingTime(world.loop, listen ? restMs.listening : restMs.alone);
  const doors = new RealDoors();
  const openPort: ClusterSetting["openPort"] = (machine, door) =>
    time.holdFor(doors.open(machine, door));
  const setting = { log: memoryLog, drift: 0, openPort: listen ? openPort : undefined };
  const cluster = new TestCluster({
    world,
    machines: new SimulatedCluster(world, brokers, coarseTicks, setting),
    time,
    newProcess: (host) => new SimulatedProcess(world.loop, host),
    closed: () => doors.closed(),
  });
  try {
    await cluster.start();
    const admin = cluster.client.admin();
    await Promise.all(topics.map((topic) => admin.createTopic(newTopic(topic))));
  } catch (error) {
    await cluster.close().catch(() => undefined);
    throw error;
  }
  return cluster;
}
