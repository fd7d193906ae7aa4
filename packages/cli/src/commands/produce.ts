import { fstatSync } from "node:fs";
import process from "node:process";

import { Command, Option } from "commander";

import { type CliError, failure, messageOf } from "../cli-error.ts";
import { checkTopic, withClient } from "../cluster-client.ts";
import { parseEscapes } from "../escape-sequence.ts";
import { collectNameValues, flagValue, integerFlag, type NameValue } from "../flag-value.ts";
import { globalOptions } from "../global-options.ts";
import { type LineCounts, produceLines } from "../line-producer.ts";
import { LineSplitter } from "../line-splitter.ts";
import type { Parsed } from "../parsed.ts";
import type { ProducerSink } from "../record-sink.ts";
import { listenForStop } from "../stop-signal.ts";
import { printNotice } from "../terminal.ts";
import { formatThroughput } from "../throughput.ts";

/** Longer lines fit into no record batch. */
const LINE_BYTES_MAX = 8 * 1024 * 1024;

const PARTITION_MAX = 2 ** 31 - 1;

const DELIVERY_TIMEOUT_SECONDS = 120;
const DELIVERY_TIMEOUT_SECONDS_MAX = 86_400;

const PROGRESS_INTERVAL_MS = 500;

interface ProduceOptions {
  readonly partition?: number;
  readonly keySeparator?: Uint8Array;
  readonly header?: readonly NameValue[];
  readonly acks: "all" | "1";
  readonly compression: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  readonly deliveryTimeout: number;
}

const HELP = `
Every line of standard input becomes a record: its bytes up to the newline, unchanged. An empty line is
an empty record. At the end, one line on standard error says how many records were acknowledged.

Exit status 1 means that some were not. Ctrl-C ends the input: what was read is still delivered.

Examples:
  ropewalk produce orders < orders.ndjson
  printf 'alice:1\\nbob:2\\n' | ropewalk produce orders -k : -H source=shell`;

/** `ropewalk produce` */
export function produceCommand(): Command {
  return new Command("produce")
    .description("write lines of standard input to a topic")
    .argument("<topic>", "the topic")
    .option(
      "-p, --partition <partition>",
      "write to this partition (default: by key, or spread)",
      integerFlag(0, PARTITION_MAX),
    )
    .option(
      "-k, --key-separator <separator>",
      "what stands between key and value; a line without it has no key (\\t and \\xHH are understood)",
      flagValue(parseSeparator),
    )
    .option(
      "-H, --header <name=value>",
      "a header for every record; may be repeated",
      collectNameValues,
    )
    .addOption(
      new Option(
        "--acks <acks>",
        "when a record counts as written: on a majority of disks, or on one",
      )
        .choices(["all", "1"])
        .default("all"),
    )
    .addOption(
      new Option("-z, --compression <codec>", "how batches are compressed")
        .choices(["none", "gzip", "snappy", "lz4", "zstd"])
        .default("none"),
    )
    .option(
      "--delivery-timeout <seconds>",
      "how long to try before a record counts as failed",
      integerFlag(1, DELIVERY_TIMEOUT_SECONDS_MAX),
      DELIVERY_TIMEOUT_SECONDS,
    )
    .addHelpText("after", HELP)
    .action(produce);
}

async function produce(topic: string, options: ProduceOptions, command: Command): Promise<void> {
  const stop = listenForStop();
  await withClient(globalOptions(command), { action: "produce", topic }, async (client) => {
    await checkTopic(client, topic, options.partition === undefined ? [] : [options.partition]);
    const { ProducerSink: Sink } = await import("../record-sink.ts");
    await using sink = new Sink(client, {
      topic,
      partition: options.partition,
      headers: (options.header ?? []).map(({ name, value }) => ({
        name,
        value: Buffer.from(value),
      })),
      acks: options.acks === "all" ? "all" : 1,
      compression: options.compression,
      deliveryTimeoutMs: options.deliveryTimeout * 1000,
    });
    await run(sink, options.keySeparator, stop);
  });
}

async function run(
  sink: ProducerSink,
  keySeparator: Uint8Array | undefined,
  stop: AbortSignal,
): Promise<void> {
  const counts: LineCounts = { recordCount: 0, bytes: 0 };
  const startMs = performance.now();
  const throughput = (recordCount: number): string =>
    formatThroughput({ recordCount, bytes: counts.bytes, durationMs: performance.now() - startMs });
  const endProgress = showProgress(() => throughput(sink.acknowledgedCount));
  let inputFailure: CliError | undefined;
  try {
    const splitter = new LineSplitter(LINE_BYTES_MAX);
    await produceLines(standardInput(stop), splitter, sink, counts, { keySeparator, stop });
  } catch (error) {
    // What was read before it is delivered all the same.
    inputFailure = failure(`cannot read standard input: ${messageOf(error)}`, error);
  }
  if (stop.aborted && process.stderr.isTTY) {
    await printNotice("delivering what was read; Ctrl-C again gives up");
  }
  await sink.flush();
  endProgress();
  const lostCount = counts.recordCount - sink.acknowledgedCount;
  await printNotice(throughput(sink.acknowledgedCount));
  if (lostCount > 0) {
    const reason = sink.failure?.message ?? "no answer came";
    throw failure(
      `${lostCount} of ${counts.recordCount} records were not acknowledged: ${reason}`,
      sink.failure,
    );
  }
  if (inputFailure !== undefined) throw inputFailure;
}

/** The chunks of standard input, until it ends or the signal says so. */
async function* standardInput(stop: AbortSignal): AsyncGenerator<Uint8Array> {
  // Node takes a directory for an empty file.
  if (fstatSync(process.stdin.fd).isDirectory()) throw new Error("it is a directory");
  const end = (): void => void process.stdin.destroy();
  stop.addEventListener("abort", end, { once: true });
  try {
    // Without an encoding, what comes are bytes.
    const chunks: AsyncIterable<Uint8Array> = process.stdin;
    yield* chunks;
  } catch (error) {
    // Ending the stream early makes its iteration fail.
    if (!stop.aborted) throw error;
  } finally {
    stop.removeEventListener("abort", end);
  }
}

/** Shows progress on one line of a terminal, unless somebody is typing there; answers how to end it. */
function showProgress(text: () => string): () => void {
  if (!process.stderr.isTTY || process.stdin.isTTY) return () => {};
  const clearLine = "\r\u001B[K";
  const interval = setInterval(
    () => process.stderr.write(`${clearLine}${text()}`),
    PROGRESS_INTERVAL_MS,
  );
  return () => {
    clearInterval(interval);
    process.stderr.write(clearLine);
  };
}

function parseSeparator(text: string): Parsed<Uint8Array> {
  const bytes = parseEscapes(text);
  if (bytes.value?.length === 0) return { fault: "it must not be empty" };
  return bytes;
}
