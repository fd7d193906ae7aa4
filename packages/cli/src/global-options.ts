import { type Command, Option } from "commander";

import { formatAddress, parseAddress } from "./address.ts";
import { flagValue } from "./flag-value.ts";
import type { Parsed } from "./parsed.ts";

/** Where clients look for a cluster unless told otherwise. */
const DEFAULT_CLIENT_PORT = 7700;

const BOOTSTRAP_VARIABLE = "ROPEWALK_BOOTSTRAP_SERVERS";

/** What may be said before or after any subcommand. */
export interface GlobalOptions {
  /** Brokers to ask first, as `host:port`. */
  readonly bootstrapServer: readonly string[];
  readonly format: "text" | "json";
  readonly debug?: boolean;
}

/** Adds the options that every command understands. */
export function addGlobalOptions(program: Command): void {
  program
    .addOption(
      new Option("-b, --bootstrap-server <host:port,…>", "brokers to ask first")
        .env(BOOTSTRAP_VARIABLE)
        .default([`localhost:${DEFAULT_CLIENT_PORT}`], `localhost:${DEFAULT_CLIENT_PORT}`)
        .argParser(flagValue(parseBootstrapServers)),
    )
    .addOption(
      new Option("--format <format>", "how results are printed")
        .choices(["text", "json"])
        .default("text"),
    )
    .option("--debug", "show stacks of errors");
}

/** The global options as given to a command or any command above it. */
export function globalOptions(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>();
}

/** Reads `host:port,host,…`; the port is 7700 where it is left out. */
export function parseBootstrapServers(text: string): Parsed<readonly string[]> {
  const servers: string[] = [];
  for (const part of text.split(",")) {
    const address = parseAddress(part.trim(), DEFAULT_CLIENT_PORT);
    if (address.fault !== undefined) return address;
    servers.push(formatAddress(address.value));
  }
  return { value: servers };
}
