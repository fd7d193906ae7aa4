/** Something that must never be. The first lines are what clients see (Jepsen's Kafka workload), the rest what only an all-seeing observer does. */
export interface Anomaly {
  readonly kind:
    | "lost write"
    | "duplicate"
    | "inconsistent offset"
    | "phantom write"
    | "reordered write"
    | "skipped poll"
    | "non-monotonic poll"
    | "aborted write seen"
    | "replicas differ"
    | "damaged log"
    | "two leaders"
    | "incomplete leader"
    | "changed entry"
    | "early commit"
    | "commit by counting"
    | "term went back"
    | "vote changed"
    | "commit went back"
    | "forgotten entry"
    | "early election"
    | "needless cut"
    | "states differ"
    | "contradiction";
  readonly detail: string;
}
