import { type ErrorCode, RopewalkError } from "@ropewalk/protocol";

import { CliError, failure } from "./cli-error.ts";

/** What a command was about, for its error message. */
export interface Attempt {
  /** What was tried, as it follows "cannot": "create topic orders". */
  readonly action: string;
  readonly topic?: string;
  /** The brokers that were asked first. */
  readonly bootstrapServers: readonly string[];
}

/**
 * Turns a failure of the client into one line: what was tried, why it failed, what to do. What is no
 * expected failure stays as it is.
 */
export function explainFailure(error: unknown, attempt: Attempt): unknown {
  if (error instanceof CliError || !(error instanceof RopewalkError)) return error;
  const reason = isUnreachable(error)
    ? `cannot ${attempt.action}: no broker answers at ${attempt.bootstrapServers.join(", ")}`
    : sentence(error.message, attempt.action);
  const advice = adviceFor(error, attempt);
  return failure(advice === undefined ? reason : `${reason}; ${advice}`, error);
}

/** The message on one line, beginning with what was tried. */
function sentence(message: string, action: string): string {
  const line = message.replaceAll(/\s*\n\s*/g, " ").trim();
  return /^cannot /i.test(line) ? `c${line.slice(1)}` : `cannot ${action}: ${line}`;
}

function isUnreachable(error: RopewalkError): boolean {
  // What the client says when a call never reached anybody, and when a connection was refused.
  return error.code === "LEADER_NOT_AVAILABLE" && error.cause !== undefined;
}

function adviceFor(error: RopewalkError, attempt: Attempt): string | undefined {
  if (isUnreachable(error))
    return "start one with: ropewalk dev, or say where with --bootstrap-server";
  const advice: Partial<Record<ErrorCode, string | undefined>> = {
    UNKNOWN_TOPIC_OR_PARTITION:
      attempt.topic && `create it with: ropewalk topic create ${attempt.topic}`,
    TOPIC_ALREADY_EXISTS: attempt.topic && `see: ropewalk topic describe ${attempt.topic}`,
    GROUP_ID_NOT_FOUND: "see: ropewalk group list",
    LEADER_NOT_AVAILABLE: "see: ropewalk cluster health",
    COORDINATOR_NOT_AVAILABLE: "see: ropewalk cluster health",
    REQUEST_TIMED_OUT: "see: ropewalk cluster health",
    NOT_CONTROLLER: "see: ropewalk cluster health",
    OFFSET_OUT_OF_RANGE: "use --offset earliest or latest",
    UNKNOWN_OUTCOME: "it may have happened all the same: look before you try again",
  };
  return advice[error.code];
}
