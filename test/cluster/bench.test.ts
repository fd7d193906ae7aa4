import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { readResultFile } from "../../bench/results/result-file.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

const benchPath = fileURLToPath(new URL("../../bench/main.ts", import.meta.url));
const run = promisify(execFile);

test("npm run bench measures a cluster that it starts, and leaves a result file and a page", async () => {
  using directory = new TemporaryDirectory();
  const output = join(directory.path, "result.json");
  const times = ["--quick", "--seconds", "0.5", "--warm-up", "0.2"];
  const args = ["latency", "commits", ...times, "--record-bytes", "100"];
  const { stdout } = await run(process.execPath, [
    "--conditions=source",
    benchPath,
    ...args,
    "--output",
    output,
  ]);
  expect(stdout).toContain(`results: ${output}`);
  const { rows, skipped } = readResultFile(output);
  expect(skipped).toEqual([]);
  expect([...new Set(rows.map(({ workload }) => workload))]).toEqual(["latency", "commits"]);
  for (const { figures, label } of rows) {
    expect(figures.brokersCpuCores, label).toBeGreaterThanOrEqual(0);
    expect(figures.brokerResidentMebibytesMax, label).toBeGreaterThan(10);
    expect(figures.failedRecords ?? 0, label).toBe(0);
  }
  expect(rows.at(-2)?.latencies["endToEnd"]?.count).toBeGreaterThan(0);
  expect(existsSync(join(directory.path, "result.html"))).toBe(true);
});
