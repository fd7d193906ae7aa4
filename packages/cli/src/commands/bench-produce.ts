import { readFileSync } from "node:fs";

import { Command } from "commander";

import { failure, messageOf, usageError } from "../cli-error.ts";
import { checkTopic, withClient } from "../cluster-client.ts";
import { collectNameValues, flagValue, integerFlag, type NameValue } from "../flag-value.ts";
import { parseEscapes } from "../escape-sequence.ts";
import { globalOptions } from "../global-options.ts";
import { parseProducerProperties } from "../producer-properties.ts";
import type { ProduceTrialResult, ProduceTrialSpan } from "../produce-trial.ts";
import { listenForStop } from "../stop-signal.ts";
import { printJson, printResult } from "../terminal.ts";

const RECORD_BYTES_MAX = 8 * 1024 * 1024;
const REPORT_INTERVAL_MS = 5000;
/** As Kafka's tools count MB. */
const BYTES_PER_MB = 1024 * 1024;

interface BenchProduceOptions {
  readonly topic: string;
  readonly numRecords: number;
  readonly recordSize?: number;
  readonly payloadFile?: string;
  readonly payloadDelimiter: Uint8Array;
  readonly throughput: number;
  readonly producerProps?: readonly NameValue[];
}

const HELP = `
Flags and lines are those of kafka-producer-perf-test. A latency is that of the first record of a batch, for all of its
records, up to the acknowledgement: none is shown shorter than it was. MB are 2^20 bytes, as there.

Examples:
  ropewalk bench produce --topic orders --num-records 1000000 --record-size 100 --throughput -1
  ropewalk bench produce --topic orders --num-records 60000 --record-size 1024 --throughput 1000 --producer-props acks=all linger.ms=0`;

/** `ropewalk bench produce` */
export function benchProduceCommand(): Command {
  return new Command("produce")
    .description("write many records and tell how fast they were acknowledged")
    .requiredOption("--topic <topic>", "the topic; it must exist")
    .requiredOption(
      "--num-records <count>",
      "how many records",
      integerFlag(1, Number.MAX_SAFE_INTEGER),
    )
    .option("--record-size <bytes>", "bytes of each value", integerFlag(1, RECORD_BYTES_MAX))
    .option("--payload-file <file>", "take values from this file, in turn")
    .option(
      "--payload-delimiter <text>",
      "what stands between the values of the file",
      flagValue(parseEscapes),
      Buffer.from("\n"),
    )
    .option("--throughput <records>", "records a second; -1: as many as possible", parseRate, -1)
    .option(
      "--producer-props <name=value...>",
      "Kafka's producer properties, for example acks=all batch.size=65536 linger.ms=5",
      collectNameValues,
    )
    .addHelpText("after", HELP)
    .action(benchProduce);
}

async function benchProduce(options: BenchProduceOptions, command: Command): Promise<void> {
  const globals = globalOptions(command);
  const properties = parseProducerProperties(options.producerProps ?? []);
  if (properties.fault !== undefined) throw usageError(`--producer-props: ${properties.fault}`);
  const { bootstrapServers = globals.bootstrapServer, options: producer } = properties.value;
  const { numRecords: recordCount, throughput: recordsPerSecond, topic } = options;
  const values = valuesOf(options);
  const stop = listenForStop();
  const isJson = globals.format === "json";
  const where = { ...globals, bootstrapServer: bootstrapServers };
  const result = await withClient(where, { action: "produce", topic }, async (client) => {
    await checkTopic(client, topic);
    const { ProduceTrial } = await import("../produce-trial.ts");
    const trial = new ProduceTrial({ topic, recordCount, values, recordsPerSecond, producer });
    const reporting = setInterval(() => {
      if (!isJson) void printResult(`${intervalLine(trial.interval())}\n`);
    }, REPORT_INTERVAL_MS);
    try {
      return await trial.run(client, stop);
    } finally {
      clearInterval(reporting);
    }
  });
  await (isJson ? printJson(summaryOf(result)) : printResult(`${lastLine(result)}\n`));
  if (result.failedCount === 0) return;
  const reason = result.failure?.message ?? "no answer came";
  throw failure(`${result.failedCount} records were not acknowledged: ${reason}`, result.failure);
}

function valuesOf(options: BenchProduceOptions): readonly Uint8Array[] {
  const { payloadDelimiter, payloadFile, recordSize } = options;
  if ((payloadFile === undefined) === (recordSize === undefined))
    throw usageError("one of --record-size and --payload-file must be given, and only one");
  if (payloadFile === undefined) return [sampleValue(recordSize ?? 0)];
  let content: Buffer;
  try {
    content = readFileSync(payloadFile);
  } catch (error) {
    throw failure(`cannot read ${payloadFile}: ${messageOf(error)}`, error);
  }
  const values = splitBy(content, payloadDelimiter);
  if (values.length === 0) throw failure(`${payloadFile} holds no values`, undefined);
  return values;
}

/** What stands between delimiters; an empty rest at the end is no value. */
function splitBy(content: Buffer, delimiter: Uint8Array): Buffer[] {
  const values: Buffer[] = [];
  let from = 0;
  while (from < content.length) {
    const found = delimiter.length === 0 ? -1 : content.indexOf(delimiter, from);
    const to = found < 0 ? content.length : found;
    values.push(content.subarray(from, to));
    from = to + delimiter.length;
  }
  return values;
}

/** Capital letters at random, as Kafka's tool sends them. */
function sampleValue(bytes: number): Uint8Array {
  const [firstLetter, letterCount] = [65, 26];
  return Uint8Array.from(
    { length: bytes },
    () => firstLetter + Math.floor(Math.random() * letterCount),
  );
}

function parseRate(text: string): number {
  return text === "-1" ? -1 : integerFlag(1, Number.MAX_SAFE_INTEGER)(text);
}

function intervalLine(span: ProduceTrialSpan): string {
  const { latencies, recordCount } = span;
  const [recordsPerSecond, megabytesPerSecond] = ratesOf(span);
  return (
    `${recordCount} records sent, ${recordsPerSecond.toFixed(1)} records/sec (${megabytesPerSecond.toFixed(2)} MB/sec), ` +
    `${latencies.meanMs.toFixed(1)} ms avg latency, ${latencies.maxMs.toFixed(1)} ms max latency.`
  );
}

function lastLine(result: ProduceTrialResult): string {
  const percentiles = [0.5, 0.95, 0.99, 0.999].map(
    (share) => `${result.latencies.percentileMs(share)} ms ${share * 100}th`,
  );
  return `${intervalLine(result).replace(/\.$/, "")}, ${percentiles.join(", ")}.`;
}

function summaryOf(result: ProduceTrialResult): object {
  const { failedCount, latencies, recordCount } = result;
  const [recordsPerSecond, megabytesPerSecond] = ratesOf(result);
  return {
    recordCount,
    failedCount,
    durationMs: result.durationMs,
    recordsPerSecond,
    megabytesPerSecond,
    latencyMs: {
      mean: latencies.meanMs,
      p50: latencies.percentileMs(0.5),
      p95: latencies.percentileMs(0.95),
      p99: latencies.percentileMs(0.99),
      p999: latencies.percentileMs(0.999),
      max: latencies.maxMs,
    },
  };
}

function ratesOf({ bytes, durationMs, recordCount }: ProduceTrialSpan): readonly [number, number] {
  const seconds = Math.max(durationMs, 1) / 1000;
  return [recordCount / seconds, bytes / BYTES_PER_MB / seconds];
}
