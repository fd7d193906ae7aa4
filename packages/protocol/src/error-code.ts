import type { ProtoErrorCode } from "./generated/error.ts";

/**
 * What every failure of the product is called: the names of `proto/ropewalk/v1/error.proto`, so that a
 * code added there does not compile before it has its traits below.
 */
export type ErrorCode = Exclude<ProtoErrorCode, "UNSPECIFIED">;

/** What is known about a failed write: it did not happen, or it may have happened. */
export type Outcome = "definite" | "indefinite";

/** What a code means to Kafka's clients, to gRPC's clients, and to a retry loop. */
export interface ErrorTraits {
  /** Kafka's error code; -1 is its "unknown server error". */
  readonly kafkaCode: number;
  /** The canonical gRPC status code. */
  readonly grpcStatus: number;
  /** "definite": the request had no effect. "indefinite": it may have had its effect, or may yet have it. */
  readonly outcome: Outcome;
  /** The same request may succeed later, or at another broker. */
  readonly retriable: boolean;
}

/** The gRPC status codes that failures of the product map to. */
const grpc = {
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
} as const;

type Retry = "retry" | "final";

function traits(
  kafkaCode: number,
  grpcStatus: number,
  outcome: Outcome,
  retry: Retry,
): ErrorTraits {
  return { kafkaCode, grpcStatus, outcome, retriable: retry === "retry" };
}

/** The traits of every code: what Kafka's clients see, what gRPC's clients see, what a retry loop does. */
export const errorTraits: Readonly<Record<ErrorCode, ErrorTraits>> = {
  UNKNOWN_SERVER_ERROR: traits(-1, grpc.UNKNOWN, "indefinite", "final"),
  OFFSET_OUT_OF_RANGE: traits(1, grpc.OUT_OF_RANGE, "definite", "final"),
  CORRUPT_MESSAGE: traits(2, grpc.DATA_LOSS, "definite", "final"),
  UNKNOWN_TOPIC_OR_PARTITION: traits(3, grpc.NOT_FOUND, "definite", "retry"),
  LEADER_NOT_AVAILABLE: traits(5, grpc.UNAVAILABLE, "definite", "retry"),
  NOT_LEADER: traits(6, grpc.UNAVAILABLE, "definite", "retry"),
  REQUEST_TIMED_OUT: traits(7, grpc.DEADLINE_EXCEEDED, "indefinite", "retry"),
  MESSAGE_TOO_LARGE: traits(10, grpc.INVALID_ARGUMENT, "definite", "final"),
  COORDINATOR_NOT_AVAILABLE: traits(15, grpc.UNAVAILABLE, "definite", "retry"),
  NOT_COORDINATOR: traits(16, grpc.UNAVAILABLE, "definite", "retry"),
  INVALID_TOPIC: traits(17, grpc.INVALID_ARGUMENT, "definite", "final"),
  INVALID_GROUP_ID: traits(24, grpc.INVALID_ARGUMENT, "definite", "final"),
  UNKNOWN_MEMBER_ID: traits(25, grpc.FAILED_PRECONDITION, "definite", "final"),
  INVALID_TIMESTAMP: traits(32, grpc.INVALID_ARGUMENT, "definite", "final"),
  TOPIC_ALREADY_EXISTS: traits(36, grpc.ALREADY_EXISTS, "definite", "final"),
  INVALID_PARTITIONS: traits(37, grpc.INVALID_ARGUMENT, "definite", "final"),
  INVALID_REPLICATION_FACTOR: traits(38, grpc.INVALID_ARGUMENT, "definite", "final"),
  INVALID_REPLICA_ASSIGNMENT: traits(39, grpc.FAILED_PRECONDITION, "definite", "final"),
  INVALID_CONFIG: traits(40, grpc.INVALID_ARGUMENT, "definite", "final"),
  NOT_CONTROLLER: traits(41, grpc.UNAVAILABLE, "definite", "retry"),
  INVALID_REQUEST: traits(42, grpc.INVALID_ARGUMENT, "definite", "final"),
  POLICY_VIOLATION: traits(44, grpc.FAILED_PRECONDITION, "definite", "final"),
  OUT_OF_ORDER_SEQUENCE_NUMBER: traits(45, grpc.FAILED_PRECONDITION, "definite", "final"),
  INVALID_PRODUCER_EPOCH: traits(47, grpc.FAILED_PRECONDITION, "definite", "final"),
  STORAGE_ERROR: traits(56, grpc.INTERNAL, "indefinite", "retry"),
  GROUP_ID_NOT_FOUND: traits(69, grpc.NOT_FOUND, "definite", "final"),
  NO_REASSIGNMENT_IN_PROGRESS: traits(85, grpc.FAILED_PRECONDITION, "definite", "final"),
  INVALID_RECORD: traits(87, grpc.INVALID_ARGUMENT, "definite", "final"),
  FENCED_MEMBER_EPOCH: traits(110, grpc.ABORTED, "definite", "final"),
  // Kafka has no code for the next two. Its clients are told "throttling quota exceeded" (retriable,
  // did not happen) and "not enough replicas after append" (retriable, may have happened).
  BUSY: traits(89, grpc.RESOURCE_EXHAUSTED, "definite", "retry"),
  UNKNOWN_OUTCOME: traits(20, grpc.UNAVAILABLE, "indefinite", "retry"),
};

/** Every error code, in the order of their numbers on the wire. */
export const errorCodes: readonly ErrorCode[] = Object.keys(errorTraits) as ErrorCode[];
