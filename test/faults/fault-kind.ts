import type { FaultScene } from "./fault-scene.ts";

/** One way in which a cluster breaks. */
export interface FaultKind {
  /** How it is chosen on the command line. */
  readonly name: string;
  /** Why it cannot be had on this machine; absent where it can. */
  readonly obstacle?: () => string | undefined;
  /** The data lies on file systems of its own, which somebody else can fill. */
  readonly needsVolumes?: boolean;
  /** Brokers there may be; three of them form the cluster and run. */
  readonly brokerCount?: number;
  /** Of the load's topic; three unless said otherwise. */
  readonly replicationFactor?: number;
  /** Of the load's topic; 1: most brokers lead nothing of it. */
  readonly partitionCount?: number;
  /** Breaks the cluster under load and mends it again, or leaves that to the cluster. */
  readonly strike: (scene: FaultScene) => Promise<void>;
}
