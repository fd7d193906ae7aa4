import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const vitestPath = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));

/** Runs the micro-benchmarks that lie beside the code, all or those below the paths; answers the exit status. */
export async function runMicroBenchmarks(paths: readonly string[]): Promise<number> {
  const args = [
    vitestPath,
    "bench",
    "--run",
    "--config",
    "test/vitest.config.ts",
    "--project",
    "bench*",
    ...paths,
  ];
  const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
  await once(child, "exit");
  return child.exitCode ?? 1;
}
