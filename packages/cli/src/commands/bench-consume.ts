import { Command, Option } from "commander";

import { usageError } from "../cli-error.ts";
import { checkTopic, withClient } from "../cluster-client.ts";
import type { ConsumeTrialResult, ConsumeTrialSpan } from "../consume-trial.ts";
import { integerFlag } from "../flag-value.ts";
import { globalOptions } from "../global-options.ts";
import { listenForStop } from "../stop-signal.ts";
import { printJson, printNotice, printResult } from "../terminal.ts";

const TIMEOUT_MS = 10_000;
const REPORT_INTERVAL_MS = 5000;
const MS_MAX = 86_400_000;
/** As Kafka's tools count MB. */
const BYTES_PER_MB = 1024 * 1024;

interface BenchConsumeOptions {
  readonly topic: string;
  readonly messages?: number;
  readonly numRecords?: number;
  readonly group?: string;
  readonly timeout: number;
  readonly reportingInterval: number;
  readonly showDetailedStats?: boolean;
  readonly hideHeader?: boolean;
  readonly fromLatest?: boolean;
}

const COLUMNS = [
  "start.time",
  "end.time",
  "data.consumed.in.MB",
  "MB.sec",
  "data.consumed.in.nMsg",
  "nMsg.sec",
];

const HELP = `
Flags and columns are those of kafka-consumer-perf-test: rebalance.time.ms is the time until the consumer knew where to start, the
fetch columns leave it out. Without --group it reads every partition alone; nothing is committed. MB are 2^20 bytes of values.

Example:
  ropewalk bench consume --topic orders --messages 1000000`;

/** `ropewalk bench consume` */
export function benchConsumeCommand(): Command {
  const count = integerFlag(1, Number.MAX_SAFE_INTEGER);
  return new Command("consume")
    .description("read many records and tell how fast they came")
    .requiredOption("--topic <topic>", "the topic")
    .option("--messages <count>", "end after so many records", count)
    .addOption(
      new Option("--num-records <count>", "the same as --messages").argParser(count).hideHelp(),
    )
    .option("--group <group>", "read as a member of this group")
    .option(
      "--timeout <ms>",
      "end when nothing came for so long",
      integerFlag(1, MS_MAX),
      TIMEOUT_MS,
    )
    .option("--show-detailed-stats", "print a line for every interval")
    .option(
      "--reporting-interval <ms>",
      "how long an interval is",
      integerFlag(1, MS_MAX),
      REPORT_INTERVAL_MS,
    )
    .option("--hide-header", "leave the names of the columns out")
    .option("--from-latest", "read only what is written from now on")
    .addHelpText("after", HELP)
    .action(benchConsume);
}

async function benchConsume(options: BenchConsumeOptions, command: Command): Promise<void> {
  const globals = globalOptions(command);
  const isJson = globals.format === "json";
  const recordCount = options.messages ?? options.numRecords;
  if (recordCount === undefined) throw usageError("--messages must be given");
  const { fromLatest, group, reportingInterval, timeout: timeoutMs, topic } = options;
  const stop = listenForStop();
  if (!isJson && options.hideHeader !== true) await printResult(`${headerOf(options)}\n`);
  const result = await withClient(globals, { action: "consume", topic }, async (client) => {
    await checkTopic(client, topic);
    const { ConsumeTrial } = await import("../consume-trial.ts");
    const from = fromLatest === true ? "latest" : "earliest";
    const trial = new ConsumeTrial({ topic, recordCount, from, group, timeoutMs });
    const reporting = setInterval(() => {
      if (options.showDetailedStats === true && !isJson)
        void printResult(`${columnsOf(trial.interval()).join(", ")}\n`);
    }, reportingInterval);
    try {
      return await trial.run(client, stop);
    } finally {
      clearInterval(reporting);
    }
  });
  if (isJson) await printJson({ ...result, ...ratesOf(result, result.readyMs) });
  else await printResult(`${lastLine(result)}\n`);
  if (!result.isComplete)
    await printNotice(
      `${result.recordCount} of ${recordCount} records came; nothing more did for ${timeoutMs} ms`,
    );
}

function headerOf({ showDetailedStats }: BenchConsumeOptions): string {
  if (showDetailedStats === true) return COLUMNS.join(", ");
  const fetching = ["rebalance.time.ms", "fetch.time.ms", "fetch.MB.sec", "fetch.nMsg.sec"];
  return [...COLUMNS, ...fetching].join(", ");
}

function lastLine(result: ConsumeTrialResult): string {
  const { endMs, readyMs, startMs } = result;
  const fetching = ratesOf(result, readyMs);
  return [
    ...columnsOf(result),
    readyMs,
    endMs - startMs - readyMs,
    fetching.megabytesPerSecond.toFixed(4),
    fetching.recordsPerSecond.toFixed(4),
  ].join(", ");
}

function columnsOf(span: ConsumeTrialSpan): (string | number)[] {
  const { bytes, endMs, recordCount, startMs } = span;
  const { megabytesPerSecond, recordsPerSecond } = ratesOf(span, 0);
  return [
    timeOf(startMs),
    timeOf(endMs),
    (bytes / BYTES_PER_MB).toFixed(4),
    megabytesPerSecond.toFixed(4),
    recordCount,
    recordsPerSecond.toFixed(4),
  ];
}

/** What came a second, without the time in which nothing could. */
function ratesOf(
  { bytes, endMs, recordCount, startMs }: ConsumeTrialSpan,
  idleMs: number,
): { readonly megabytesPerSecond: number; readonly recordsPerSecond: number } {
  const seconds = Math.max(endMs - startMs - idleMs, 1) / 1000;
  return {
    megabytesPerSecond: bytes / BYTES_PER_MB / seconds,
    recordsPerSecond: recordCount / seconds,
  };
}

/** 2026-01-31 08:00:00:000, in UTC. */
function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace("T", " ").replace(".", ":").replace("Z", "");
}
