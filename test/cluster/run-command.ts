import { type CommandOptions, RunningCommand } from "./running-command.ts";

/** What a command printed and how it ended. */
export interface CommandResult {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const commandMs = 120_000;

/** Runs `ropewalk` to its end, as a user would. */
export async function ropewalk(
  args: readonly string[],
  options: CommandOptions & { readonly input?: Buffer | string } = {},
): Promise<CommandResult> {
  await using command = RunningCommand.ropewalk(args, options);
  command.stdin.end(options.input ?? "");
  const status = await command.ends(commandMs);
  return { status, stdout: command.stdout, stderr: command.stderr };
}
