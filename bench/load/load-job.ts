import type { HistogramCounts } from "./latency-histogram.ts";

/**
 * How records are handed to the client. "write": as many as its buffer takes, without a promise each; "send": 10,000
 * promises outstanding; both leave the batching to the client. "unbatched": as "write", with a batch for each record.
 * "one-by-one": the next record when the one before is acknowledged.
 */
export type ProduceApi = "write" | "send" | "unbatched" | "one-by-one";

interface LoadTarget {
  readonly bootstrapServers: readonly string[];
  readonly topic: string;
}

/** Writes records of one size, as fast as they are taken or at a rate. */
export interface ProduceJob extends LoadTarget {
  readonly kind: "produce";
  readonly recordBytes: number;
  readonly producerCount: number;
  readonly api: ProduceApi;
  readonly acks: "all" | 1;
  /** Undefined: the client's own. */
  readonly lingerMs: number | undefined;
  readonly batchBytesMax: number | undefined;
  /** Undefined: a closed loop. */
  readonly pace: Pace | undefined;
}

/** An open loop: so many records are due a second, whatever becomes of them. */
export interface Pace {
  readonly recordsPerSecond: number;
  /** Another partition every millisecond, of so many; undefined: the client chooses where records without a key go. */
  readonly partitionCount: number | undefined;
}

/** Reads a topic to its end, round and round, or what arrives at its end. */
export interface FetchJob extends LoadTarget {
  readonly kind: "fetch";
  readonly from: "earliest" | "latest";
  readonly recordBytes: number;
  /** Whether every record is decoded, or batches are counted only. */
  readonly decodes: boolean;
  /** Whether the records carry the time at which they were due. */
  readonly timesRecords: boolean;
}

/** Commits offsets of consumer groups with one member each. */
export interface CommitJob extends LoadTarget {
  readonly kind: "commit";
  readonly groupCount: number;
}

/** What a load process is to do. */
export type LoadJob = ProduceJob | FetchJob | CommitJob;

/** When it is measured, in microseconds of the clock that all processes of a machine share. */
export interface LoadSchedule {
  readonly beginUs: number;
  readonly measureUs: number;
  readonly endUs: number;
}

/** Which latencies a load process can measure. */
export type LatencyName = "acknowledged" | "endToEnd" | "generatorDelay" | "commit";

/** What a load process has measured. */
export interface LoadResult {
  /** Between the beginning and the end of the measured time, by second. */
  readonly windows: readonly { readonly records: number; readonly bytes: number }[];
  readonly windowSeconds: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly failedRecords: number;
  readonly batches: number;
  readonly latencies: Partial<Record<LatencyName, HistogramCounts>>;
}

/** What a load process tells the process that started it. */
export type LoadReport =
  | { readonly kind: "ready" }
  | { readonly kind: "progress"; readonly records: number; readonly bytes: number }
  | { readonly kind: "done"; readonly result: LoadResult }
  | { readonly kind: "failed"; readonly message: string };

/** What a load process is told. */
export type LoadOrder =
  | { readonly kind: "prepare"; readonly job: LoadJob }
  | { readonly kind: "begin"; readonly schedule: LoadSchedule };
