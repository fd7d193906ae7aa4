/** The topic that producers write to and consumers read. */
export interface LoadedTopic {
  readonly name: string;
  /** Partitions that are known to exist; more may be added. */
  partitionCount: number;
}
