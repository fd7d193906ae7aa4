/** A partition that a plan is made for. */
export interface PlannedPartition {
  /** Its number, in whatever the caller counts. */
  readonly id: number;
  /** The first one is meant to lead. */
  readonly replicaIds: readonly number[];
  /** What a replica takes, where that is known; 0: not known. */
  readonly bytes: number;
  /** It stays as it is, and counts as load. */
  readonly isFixed: boolean;
}
