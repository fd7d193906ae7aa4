/*
 * What the thread that composes files is asked to do, and what it answers. It works on descriptors, which are those of
 * the whole process.
 */

/** Numbers of one range in {@link WriteJob.ranges}: descriptor, position, bytes. */
export const rangeWidth = 3;

/** Stands for a descriptor where the bytes are in {@link WriteJob.memory}. A closed file's is -1. */
export const inMemory = -2;

/** Writes pieces one after another; opens the file where this is its first write. */
export interface WriteJob {
  readonly kind: "write";
  readonly job: number;
  readonly file: number;
  readonly path: string;
  readonly which: "new" | "existing";
  readonly position: number;
  /** `rangeWidth` numbers a piece. */
  readonly ranges: Float64Array<ArrayBuffer>;
  /** The bytes of all pieces in memory. */
  readonly memory: Uint8Array<ArrayBuffer>;
}

/** Closes a file that a write opened, durable or as it is. */
export interface EndJob {
  readonly kind: "finish" | "abandon";
  readonly job: number;
  readonly file: number;
}

export type ComposeJob = WriteJob | EndJob;

/** What failed: the file itself, or reading what was to be written. */
export interface ComposeFailure {
  readonly of: "target" | "source";
  readonly code: string | undefined;
  readonly message: string;
}

/** The answer to a job. */
export interface ComposeAnswer {
  readonly job: number;
  readonly failure: ComposeFailure | undefined;
}
