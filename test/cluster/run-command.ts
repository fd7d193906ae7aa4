import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { ropewalkPath } from "./process-cluster.ts";

/** What a command printed and how it ended. */
export interface CommandResult {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const commandMs = 60_000;

/** Runs `ropewalk` to its end, as a user would. */
export async function ropewalk(
  args: readonly string[],
  options: { readonly bootstrapServers?: readonly string[]; readonly input?: Buffer } = {},
): Promise<CommandResult> {
  const bootstrap = options.bootstrapServers?.join(",");
  const env = { ...process.env };
  if (bootstrap !== undefined) env["ROPEWALK_BOOTSTRAP_SERVERS"] = bootstrap;
  const child = spawn(process.execPath, [ropewalkPath, ...args], { env, timeout: commandMs });
  child.stdin.on("error", () => undefined); // The command may end before it has read everything.
  child.stdin.end(options.input ?? "");
  const [stdout, stderr, status] = await Promise.all([
    collect(child.stdout),
    collect(child.stderr),
    new Promise<number | null>((resolve) => child.once("close", resolve)),
  ]);
  return { status, stdout, stderr: stderr.toString() };
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
