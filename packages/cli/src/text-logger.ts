import type { LogFields, Logger } from "@ropewalk/runtime";

import type { LogLevel } from "./broker-settings.ts";

const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A logger for people at a terminal: time, level, sentence, and the fields as `name=value`. */
export class TextLogger implements Logger {
  readonly #level: LogLevel;
  readonly #write: (line: string) => void;
  readonly #fields: LogFields;

  /** Writes lines of `level` and above. */
  constructor(level: LogLevel, write: (line: string) => void, fields: LogFields = {}) {
    this.#level = level;
    this.#write = write;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#log("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#log("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#log("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#log("error", message, fields);
  }

  child(fields: LogFields): Logger {
    return new TextLogger(this.#level, this.#write, { ...this.#fields, ...fields });
  }

  #log(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (SEVERITY[level] < SEVERITY[this.#level]) return;
    const time = new Date().toISOString().slice(11, 23);
    const words = Object.entries({ ...this.#fields, ...fields }).map(
      ([name, value]) => `${name}=${formatField(value)}`,
    );
    this.#write([time, level.padEnd(5), message, ...words].join(" "));
  }
}

function formatField(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === "string") return /^[\w.:/-]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value);
}
