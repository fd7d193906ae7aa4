import { type ErrorCode, type ErrorTraits, errorTraits, type Outcome } from "./error-code.ts";

/** A config that cannot have a value. */
export interface InvalidConfigValue {
  readonly name: string;
  readonly value: string;
  /** Which values it can have, for people, with the range; empty where it accepts none. */
  readonly validValues: string;
}

/** The numbers that something can be, both included. */
export interface ValidNumbers {
  /** What it is: "offset", "partition_count", or the field that has too many elements. */
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

/** What a {@link RopewalkError} may carry beyond its code and message. */
export interface RopewalkErrorDetails {
  /** The broker to ask instead, where it is known. */
  readonly leaderId?: number | undefined;
  /** How long to wait before trying again, in milliseconds, where the broker has an opinion. */
  readonly retryAfterMs?: number | undefined;
  /** The value that was refused, where the code is INVALID_CONFIG. */
  readonly invalidConfig?: InvalidConfigValue | undefined;
  /** What would have been possible, where a number was refused. */
  readonly validRange?: ValidNumbers | undefined;
  /** What made this happen; it is not sent over the wire. */
  readonly cause?: unknown;
}

/**
 * The one base class of every expected failure, in all packages. Branch on `code`; the message is
 * for people: it names the action, why it failed, and the values.
 */
export class RopewalkError extends Error {
  override readonly name: string = "RopewalkError";
  readonly code: ErrorCode;
  readonly leaderId: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly invalidConfig: InvalidConfigValue | undefined;
  readonly validRange: ValidNumbers | undefined;

  constructor(code: ErrorCode, message: string, details: RopewalkErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.leaderId = details.leaderId;
    this.retryAfterMs = details.retryAfterMs;
    this.invalidConfig = details.invalidConfig;
    this.validRange = details.validRange;
  }

  /** Kafka's code, gRPC's status, outcome and retriability of this error's code. */
  get traits(): ErrorTraits {
    return errorTraits[this.code];
  }

  /** Whether the request certainly had no effect ("definite") or may have had it ("indefinite"). */
  get outcome(): Outcome {
    return this.traits.outcome;
  }

  /** The same request may succeed later, or at another broker. */
  get retriable(): boolean {
    return this.traits.retriable;
  }
}
