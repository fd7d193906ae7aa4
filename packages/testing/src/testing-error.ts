/** Why the testing kit refuses something, or gives up. */
export type TestingErrorCode =
  /** No broker of the cluster has this id. */
  | "NO_SUCH_BROKER"
  /** Not a span of time. */
  | "INVALID_DURATION"
  /** An option that cannot be. */
  | "INVALID_OPTION"
  /** What was asked of a broker needs one that runs. */
  | "BROKER_NOT_RUNNING"
  /** The cluster, or a broker, did not get ready within its time. */
  | "NOT_READY"
  /** A broker ended, or did not start, and nobody asked for that: a bug of Ropewalk. */
  | "BROKER_FAILED"
  /** What was to end within so much virtual time did not. */
  | "TIME_IS_UP"
  /** A simulated function wanted to leave the simulation: the network, another process. */
  | "NOT_SIMULATED"
  /** Two runs of a seed were not the same. */
  | "NOT_DETERMINISTIC"
  /** The cluster was closed before. */
  | "CLUSTER_CLOSED";

/** A failure of the testing kit itself; what brokers answer is a `RopewalkError`. Branch on `code`. */
export class TestingError extends Error {
  override readonly name: string = "TestingError";
  readonly code: TestingErrorCode;

  constructor(code: TestingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
