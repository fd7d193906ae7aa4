import { destination, pino, stdSerializers, stdTimeFunctions } from "pino";
import type { DestinationStream, LoggerOptions, Logger as Pino } from "pino";
import type { LogFields, Logger } from "../logger.ts";

/** Which lines a {@link pinoLogger} writes, and where to. */
export interface PinoLoggerOptions {
  /** The least severe level that is written; "info" by default. */
  readonly level?: LogLevel;
  /** Where the lines go: a stream of the process, or the end of a file. "stdout" by default. */
  readonly destination?: LogDestination;
}

/** From everything to nothing. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** A stream of the process, or a file that lines are appended to. */
export type LogDestination = "stdout" | "stderr" | { readonly path: string };

/**
 * A logger that writes one JSON object a line: `level`, `time` (ISO 8601, UTC), the fields,
 * `message`. Any field that is an Error becomes its type, message, stack and code, with its causes
 * in the message and the stack. A line is written before the call returns, so that none is missing
 * when the process dies. Throws where the file of `destination` cannot be opened.
 */
export function pinoLogger(options: PinoLoggerOptions = {}): Logger {
  const settings: LoggerOptions = {
    level: options.level ?? "info",
    base: null, // Neither pid nor host name: whoever collects the lines knows where from.
    messageKey: "message",
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  return new PinoLogger(pino(settings, openDestination(options.destination ?? "stdout")));
}

class PinoLogger implements Logger {
  readonly #pino: Pino;

  constructor(wrapped: Pino) {
    this.#pino = wrapped;
  }

  debug(message: string, fields?: LogFields): void {
    if (this.#pino.isLevelEnabled("debug")) this.#pino.debug(withErrors(fields), message);
  }

  info(message: string, fields?: LogFields): void {
    if (this.#pino.isLevelEnabled("info")) this.#pino.info(withErrors(fields), message);
  }

  warn(message: string, fields?: LogFields): void {
    this.#pino.warn(withErrors(fields), message);
  }

  error(message: string, fields?: LogFields): void {
    this.#pino.error(withErrors(fields), message);
  }

  child(fields: LogFields): Logger {
    return new PinoLogger(this.#pino.child(withErrors(fields)));
  }
}

function openDestination(where: LogDestination): DestinationStream {
  if (where === "stdout") return destination({ dest: 1, sync: true });
  if (where === "stderr") return destination({ dest: 2, sync: true });
  return destination({ dest: where.path, sync: true, append: true, mkdir: true });
}

// JSON knows no errors: JSON.stringify(new Error("x")) is "{}", and pino only looks at `err`.
function withErrors(fields: LogFields | undefined): Record<string, unknown> {
  const serialised: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields ?? {})) {
    serialised[name] = value instanceof Error ? stdSerializers.err(value) : value;
  }
  return serialised;
}
