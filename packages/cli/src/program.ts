import process from "node:process";

import { Command, type CommanderError } from "commander";

import { benchCommand } from "./commands/bench.ts";
import { brokerCommand } from "./commands/broker.ts";
import { clusterCommand } from "./commands/cluster.ts";
import { configCommand } from "./commands/config.ts";
import { consumeCommand } from "./commands/consume.ts";
import { devCommand } from "./commands/dev.ts";
import { groupCommand } from "./commands/group.ts";
import { logCommand } from "./commands/log.ts";
import { partitionsCommand } from "./commands/partitions.ts";
import { produceCommand } from "./commands/produce.ts";
import { topicCommand } from "./commands/topic.ts";
import { CliError, messageOf } from "./cli-error.ts";
import { addGlobalOptions } from "./global-options.ts";
import { packageVersion } from "./package-version.ts";
import { printNotice } from "./terminal.ts";

const EXAMPLE = `
Example:
  ropewalk dev                                          three brokers in one process
  ropewalk topic create orders --partitions 3
  echo hello | ropewalk produce orders
  ropewalk consume orders --from-beginning

Exit status: 0 done, 1 failed, 2 typed wrongly.`;

/**
 * Runs one command line (without the program's name) and answers the exit status. Failures are
 * printed on standard error: one line, with stacks where `--debug` is given.
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const program = createProgram();
  try {
    await program.parseAsync(args, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return report(error, program.opts<{ debug?: boolean }>().debug === true);
  }
}

/** The whole command line. Commands load what they need only when they run. */
function createProgram(): Command {
  const program = new Command("ropewalk")
    .description("A replicated, partitioned commit log: start brokers, or talk to them.")
    .version(packageVersion(), "-V, --version", "print the version")
    .exitOverride((error) => {
      throw new CommandLineEnd(error, "ropewalk");
    })
    // Errors are printed once, by `report`.
    .configureOutput({ outputError: () => {} })
    .configureHelp({ showGlobalOptions: true })
    .addHelpText("after", EXAMPLE);
  addGlobalOptions(program);
  const commands = [
    devCommand(),
    brokerCommand(),
    topicCommand(),
    configCommand(),
    produceCommand(),
    consumeCommand(),
    groupCommand(),
    partitionsCommand(),
    clusterCommand(),
    logCommand(),
    benchCommand(),
  ];
  for (const command of commands) program.addCommand(inherit(command, program, "ropewalk"));
  return program;
}

/** Makes a command that was built on its own, and those below it, behave as the program does. */
function inherit(command: Command, parent: Command, parentPath: string): Command {
  const path = `${parentPath} ${command.name()}`;
  command.copyInheritedSettings(parent).exitOverride((error) => {
    throw new CommandLineEnd(error, path);
  });
  for (const child of command.commands) inherit(child, command, path);
  return command;
}

/** Commander ends the parsing: for an error, or because help or the version was printed. */
class CommandLineEnd extends Error {
  override readonly name = "CommandLineEnd";
  readonly end: CommanderError;
  /** The command that was parsed, with those above it. */
  readonly commandPath: string;

  constructor(end: CommanderError, commandPath: string) {
    super(end.message);
    this.end = end;
    this.commandPath = commandPath;
  }
}

async function report(error: unknown, debug: boolean): Promise<number> {
  if (error instanceof CommandLineEnd) {
    if (error.end.exitCode === 0) return 0;
    // Where a subcommand is missing, commander has printed the help instead.
    if (error.end.code !== "commander.help") await printNotice(`ropewalk: ${usageMessage(error)}`);
    return 2;
  }
  await printNotice(`ropewalk: ${messageOf(error)}`);
  if (debug && error instanceof Error) await printNotice(stackWithCauses(error));
  return error instanceof CliError ? error.exitStatus : 1;
}

/** Commander's message on one line, without its prefix, and where to read more. */
function usageMessage({ message, commandPath }: CommandLineEnd): string {
  const line = message
    .replace(/^error: /, "")
    .replaceAll(/\s*\n\s*/g, " ")
    .trim();
  return `${line.replace(/\.$/, "")}; see ${commandPath} --help`;
}

function stackWithCauses(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error
    ? `${stack}\ncaused by: ${stackWithCauses(error.cause)}`
    : stack;
}
