import { RopewalkError } from "@ropewalk/protocol";

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
  const reason = reasonOf(error, attempt);
  const advice = adviceFor(error, attempt);
  return failure(advice === undefined ? reason : `${reason}; ${advice}`, error);
}

function reasonOf(error: RopewalkError, { action, topic, bootstrapServers }: Attempt): string {
  if (isUnreachable(error)) {
    return `cannot ${action}: no broker answers at ${bootstrapServers.join(", ")}${why(error)}`;
  }
  // The client's own message may name a step on the way that nobody asked for.
  if (error.code === "UNKNOWN_TOPIC_OR_PARTITION" && topic !== undefined) {
    return `cannot ${action}: topic ${topic} does not exist`;
  }
  return sentence(error.message, action);
}

/** The message on one line, beginning with what was tried. */
function sentence(message: string, action: string): string {
  const line = message.replaceAll(/\s*\n\s*/g, " ").trim();
  return /^cannot /i.test(line) ? `c${line.slice(1)}` : `cannot ${action}: ${line}`;
}

/** What is known of the reason, where the system's own word says something to a person. */
function why(error: RopewalkError): string {
  if (error.message.includes("ECONNREFUSED")) return " (connection refused)";
  if (/ENOTFOUND|EAI_AGAIN|Name resolution failed/.test(error.message)) {
    return " (the name does not resolve)";
  }
  return "";
}

function isUnreachable(error: RopewalkError): boolean {
  // What the client says when a call never reached anybody, and when a connection was refused.
  return error.code === "LEADER_NOT_AVAILABLE" && error.cause !== undefined;
}

function adviceFor(error: RopewalkError, { action, topic }: Attempt): string | undefined {
  if (isUnreachable(error))
    return "start one with: ropewalk dev, or say where with --bootstrap-server";
  switch (error.code) {
    case "UNKNOWN_TOPIC_OR_PARTITION":
      if (topic === undefined) return undefined;
      return action.startsWith("delete ")
        ? "see: ropewalk topic list"
        : `create it with: ropewalk topic create ${topic}, or see: ropewalk topic list`;
    case "TOPIC_ALREADY_EXISTS":
      return topic === undefined ? undefined : `see: ropewalk topic describe ${topic}`;
    case "INVALID_CONFIG":
      return topic === undefined || action.startsWith("create ")
        ? "see: ropewalk config describe --broker-defaults --docs"
        : `see: ropewalk config describe --topic ${topic} --docs`;
    case "GROUP_ID_NOT_FOUND":
      return "see: ropewalk group list";
    case "LEADER_NOT_AVAILABLE":
    case "COORDINATOR_NOT_AVAILABLE":
    case "NOT_CONTROLLER":
    case "REQUEST_TIMED_OUT":
      return "see: ropewalk cluster health";
    case "NO_REASSIGNMENT_IN_PROGRESS":
      return "see: ropewalk partitions list-reassignments";
    case "OFFSET_OUT_OF_RANGE":
      return action.startsWith("delete records ")
        ? "use --before end for everything there is"
        : "use --offset earliest or latest";
    case "UNKNOWN_OUTCOME":
      return "it may have happened all the same: look before you try again";
    default:
      return undefined;
  }
}
