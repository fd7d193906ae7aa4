import type { ConfigAlteration } from "@ropewalk/client";
import { type Command, InvalidArgumentError } from "commander";

import { usageError } from "./cli-error.ts";
import { collectNameValues, type NameValue } from "./flag-value.ts";

/** What the flags of {@link addAlterationFlags} give. */
export interface AlterationFlags {
  readonly set?: readonly NameValue[];
  readonly delete?: readonly string[];
  readonly append?: readonly NameValue[];
  readonly subtract?: readonly NameValue[];
  readonly dryRun?: boolean;
}

/** Adds the flags that say how configs are altered, and `--dry-run`. */
export function addAlterationFlags(command: Command): Command {
  return command
    .option("-s, --set <key=value>", "set a config; may be repeated", collectNameValues)
    .option("-d, --delete <key>", "back to the default; may be repeated", collectNames)
    .option("--append <key=value,…>", "add to a list, such as cleanup.policy", collectNameValues)
    .option("--subtract <key=value,…>", "take out of a list", collectNameValues)
    .option("--dry-run", "have the cluster check it, and change nothing");
}

/** The alterations that the flags ask for; at least one, or it was typed wrongly. */
export function alterationsOf(flags: AlterationFlags): ConfigAlteration[] {
  const alterations: ConfigAlteration[] = [
    ...valued("SET", flags.set),
    ...(flags.delete ?? []).map((name) => ({ operation: "DELETE" as const, name })),
    ...valued("APPEND", flags.append),
    ...valued("SUBTRACT", flags.subtract),
  ];
  if (alterations.length > 0) return alterations;
  throw usageError("nothing to alter: say it with --set, --delete, --append or --subtract");
}

function valued(
  operation: "SET" | "APPEND" | "SUBTRACT",
  flags: readonly NameValue[] = [],
): ConfigAlteration[] {
  return flags.map(({ name, value }) => ({ operation, name, value }));
}

function collectNames(text: string, previous: readonly string[] = []): string[] {
  if (text.includes("=")) throw new InvalidArgumentError("It must be a name, without a value.");
  return [...previous, text];
}
