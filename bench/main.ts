/* `npm run bench`: README.md says what it measures and how to read it. */
import { resolve } from "node:path";
import process from "node:process";
import { namedCluster, startCluster } from "./cluster/bench-cluster.ts";
import { listenForSignals } from "./cluster/end-with-us.ts";
import { type BenchCommand, parseCommandLine, usage } from "./command-line.ts";
import { runMicroBenchmarks } from "./micro.ts";
import { printModel } from "./model.ts";
import { installPeers } from "./peers/install.ts";
import { writeReport } from "./report/write-report.ts";
import { describeMachine, describeVersions } from "./results/machine.ts";
import {
  type ResultRow,
  resultVersion,
  type SkippedRow,
  writeResultFile,
} from "./results/result-file.ts";
import { Terminal } from "./results/terminal.ts";
import { selectWorkloads, workloads } from "./workloads/index.ts";
import type { Findings, Workload } from "./workloads/workload.ts";

async function main(args: readonly string[]): Promise<void> {
  if (args[0] === "micro") {
    process.exitCode = await runMicroBenchmarks(args.slice(1));
    return;
  }
  if (args[0] === "report") {
    for (const path of args.slice(1)) console.log(`report: ${writeReport(path)}`);
    return;
  }
  if (args[0] === "model") {
    printModel(args.slice(1));
    return;
  }
  if (args[0] === "peers" && args[1] === "--install") {
    installPeers();
    return;
  }
  const command = parseCommandLine(args);
  if (command.help) {
    const list = workloads.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`);
    console.log([usage, "", "Workloads:", ...list].join("\n"));
    return;
  }
  await run(command, selectWorkloads(command.workloads));
}

async function run(command: BenchCommand, chosen: readonly Workload[]): Promise<void> {
  const startedAt = new Date();
  const machine = describeMachine();
  const versions = describeVersions();
  const path = resolve(command.output ?? `.ropewalk/bench/${fileNameOf(startedAt)}.json`);
  console.log(
    `${machine.cores} × ${machine.processor}, ${machine.memoryGibibytes} GiB, ${machine.fileSystem}; Node ${process.version}; commit ${versions["commit"]}; load ${machine.loadBefore}`,
  );
  const rows: ResultRow[] = [];
  const skipped: SkippedRow[] = [];
  const save = (): void => {
    writeResultFile(path, {
      version: resultVersion,
      startedAt: startedAt.toISOString(),
      durationSeconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
      command: ["npm run bench --", ...process.argv.slice(2)].join(" "),
      machine,
      versions,
      rows,
      skipped,
    });
  };
  const findings = collect(rows, skipped, save);
  for (const workload of chosen) await runWorkload(workload, command, findings);
  save();
  console.log(`\nresults: ${path}\nreport:  ${writeReport(path)}`);
}

/** Rows are saved as they come: a run that is interrupted keeps what it has. */
function collect(rows: ResultRow[], skipped: SkippedRow[], save: () => void): Findings {
  const terminal = new Terminal();
  return {
    row(row) {
      rows.push(row);
      terminal.row(row);
      save();
    },
    skip(row) {
      skipped.push(row);
      terminal.note(`  ${row.workload}, ${row.system}: skipped, ${row.reason}`);
    },
    note: (text) => terminal.note(text),
    progress: (text) => terminal.progress(text),
  };
}

async function runWorkload(
  workload: Workload,
  { against, options }: BenchCommand,
  findings: Findings,
): Promise<void> {
  findings.progress(`${workload.name}: starting`);
  await using cluster = against === undefined ? await startCluster() : namedCluster(against);
  await workload.run({ cluster, options, findings });
}

function fileNameOf(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll(":", "-");
}

listenForSignals();
try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof TypeError ? `bench: ${error.message}` : error);
  process.exitCode = 1;
}
