import type { Findings, BenchOptions } from "../workloads/workload.ts";

/** What a peer is measured with. */
export interface PeerRun {
  readonly options: BenchOptions;
  readonly findings: Findings;
  readonly recordSizes: readonly number[];
}

/** Another system that makes a similar promise, with its own best client. */
export interface Peer {
  /** As on the command line. */
  readonly name: string;
  /** Why it cannot be measured here; undefined: it can. */
  missing(): string | undefined;
  /** Starts it, measures it and ends it; leaves a row for each size and way of flushing. */
  measure(run: PeerRun): Promise<void>;
}

/** The workload that all rows of the comparison belong to. */
export const peersWorkloadName = "peers";
