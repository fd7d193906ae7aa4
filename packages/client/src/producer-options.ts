import type { CompressionCodec, RopewalkError } from "@ropewalk/protocol";

/** A batch that is in the log. */
export interface BatchAcknowledgement {
  readonly topic: string;
  readonly partition: number;
  readonly baseOffset: number;
  readonly recordCount: number;
  /** From the first record of the batch to its acknowledgement. */
  readonly latencyMs: number;
  /** An earlier attempt had written it. */
  readonly duplicate: boolean;
}

/**
 * The largest batch, and so the largest record, that a broker can be made to take. One that is larger than
 * its topic allows is refused by itself; one that were larger than this would break the stream for all.
 */
export const batchBytesLimit: number = 8 * 1024 * 1024;

/** How a producer collects and sends. */
export interface ProducerOptions {
  /** "all": a majority of the replicas has the records on disk. 1: the leader has. Default "all". */
  readonly acks?: "all" | 1 | undefined;
  /** Whether resends can be told from new records, so that none is written twice. Default true. */
  readonly idempotent?: boolean | undefined;
  /**
   * How long a record waits for others that travel with it; 0: until the end of the turn. Without it that depends: where
   * no batch of this producer waits for its answer a record leaves at the end of the turn, otherwise once the answers
   * are there, or after 5 ms. So a single record is not kept waiting, and a busy cluster gets larger batches.
   */
  readonly lingerMs?: number | undefined;
  /** A batch takes no record that would make it larger, unless it is the first one. Default 256 KiB, at most 8 MiB. */
  readonly batchBytesMax?: number | undefined;
  /** What all records together may take while they are not acknowledged. Default 32 MiB. */
  readonly bufferBytesMax?: number | undefined;
  /** When a batch is given up, counted from its first record. Default 120 s. */
  readonly deliveryTimeoutMs?: number | undefined;
  /** How long a broker may leave a batch unanswered before it is sent again. Default 30 s. */
  readonly requestTimeoutMs?: number | undefined;
  /** How long a topic may be unknown to the brokers before its records fail. Default 5 s. */
  readonly unknownTopicTimeoutMs?: number | undefined;
  /** How old the number of partitions may get while there is something to write. Default 60 s. */
  readonly metadataMaxAgeMs?: number | undefined;
  /** Default "none". */
  readonly compression?: CompressionCodec | undefined;
  /** Runs for every batch that is in the log. Must not throw. */
  readonly onAcknowledged?: ((acknowledgement: BatchAcknowledgement) => void) | undefined;
  /** Runs for every batch that failed for good; `error.outcome` says whether it may be in the log. Must not throw. */
  readonly onFailed?: ((error: RopewalkError, recordCount: number) => void) | undefined;
}

const defaults = {
  acks: "all",
  idempotent: true,
  lingerMs: 5,
  batchBytesMax: 256 * 1024,
  bufferBytesMax: 32 * 1024 * 1024,
  deliveryTimeoutMs: 120_000,
  requestTimeoutMs: 30_000,
  unknownTopicTimeoutMs: 5_000,
  metadataMaxAgeMs: 60_000,
  compression: "none",
} as const;

type Hook = "onAcknowledged" | "onFailed";

/** Options with their defaults filled in. */
export type ResolvedProducerOptions = Pick<ProducerOptions, Hook> & {
  /** Whether records wait even where no batch is under way. */
  readonly lingersWhenIdle: boolean;
} & {
  readonly [Name in Exclude<keyof ProducerOptions, Hook>]-?: NonNullable<ProducerOptions[Name]>;
};

/** Fills in the defaults. */
export function resolveProducerOptions(options: ProducerOptions): ResolvedProducerOptions {
  const { batchBytesMax = defaults.batchBytesMax } = options;
  if (batchBytesMax > batchBytesLimit) {
    throw new RangeError(
      `batchBytesMax is ${batchBytesMax}, at most ${batchBytesLimit} are allowed`,
    );
  }
  return {
    acks: options.acks ?? defaults.acks,
    idempotent: options.idempotent ?? defaults.idempotent,
    lingerMs: options.lingerMs ?? defaults.lingerMs,
    lingersWhenIdle: options.lingerMs !== undefined,
    batchBytesMax,
    bufferBytesMax: options.bufferBytesMax ?? defaults.bufferBytesMax,
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? defaults.deliveryTimeoutMs,
    requestTimeoutMs: options.requestTimeoutMs ?? defaults.requestTimeoutMs,
    unknownTopicTimeoutMs: options.unknownTopicTimeoutMs ?? defaults.unknownTopicTimeoutMs,
    metadataMaxAgeMs: options.metadataMaxAgeMs ?? defaults.metadataMaxAgeMs,
    compression: options.compression ?? defaults.compression,
    onAcknowledged: options.onAcknowledged,
    onFailed: options.onFailed,
  };
}
