import process from "node:process";

import type { PartitionOffset, RopewalkClient } from "@ropewalk/client";
import { Command } from "commander";

import { ByteOutput } from "../byte-output.ts";
import { usageError } from "../cli-error.ts";
import { checkTopic, withClient } from "../cluster-client.ts";
import {
  parseTemplate,
  printValueLine,
  type RecordPrinter,
  TEMPLATE_FIELDS,
} from "../consume-format.ts";
import { flagValue, integerFlag } from "../flag-value.ts";
import { type GlobalOptions, globalOptions } from "../global-options.ts";
import type { Parsed } from "../parsed.ts";
import { printJsonLine } from "../record-json.ts";
import type { RecordSource } from "../record-source.ts";
import { parseStartOffset, START_OFFSET_FORMS, type StartOffset } from "../start-offset.ts";
import { listenForStop } from "../stop-signal.ts";
import { OutputClosedError } from "../stream-write.ts";

const PARTITION_MAX = 2 ** 31 - 1;

interface ConsumeOptions {
  readonly partition?: readonly number[];
  readonly offset?: StartOffset;
  readonly fromBeginning?: boolean;
  readonly exitAtEnd?: boolean;
  readonly count?: number;
  readonly group?: string;
  readonly rack?: string;
  readonly template?: RecordPrinter;
}

const HELP = `
Values go to standard output, one a line, byte for byte. With --format json every record is one object:
topic, partition, offset, timestamp (ms), key, value, headers; bytes that are not UTF-8 are
{"base64": "…"}, a missing key or value is null.

A template has ${TEMPLATE_FIELDS}

A time is ISO 8601 (a date alone is midnight UTC; a time without zone is local) or milliseconds since
1970. A group goes on where it committed; the start offset counts where it committed nothing.

Ctrl-C commits and leaves. When the reader of the output goes away, consume ends with status 0.

Examples:
  ropewalk consume orders --from-beginning --exit-at-end
  ropewalk consume orders -o -10 -e -f '%p/%o %k=%v\\n'
  ropewalk consume orders -o @2026-01-31T08:00Z --format json | jq .value
  ropewalk consume orders -g billing`;

/** `ropewalk consume` */
export function consumeCommand(): Command {
  return new Command("consume")
    .description("read records of a topic")
    .argument("<topic>", "the topic")
    .option(
      "-p, --partition <partition>",
      "only this partition; may be repeated",
      collectPartitions,
    )
    .option(
      "-o, --offset <start>",
      `${START_OFFSET_FORMS} (default: latest; with --group, where it has committed nothing: earliest)`,
      flagValue(parseStart),
    )
    .option("--from-beginning", "the same as --offset earliest")
    .option("-e, --exit-at-end", "end at the last record there was at the start")
    .option(
      "-n, --count <count>",
      "end after so many records",
      integerFlag(1, Number.MAX_SAFE_INTEGER),
    )
    .option(
      "-g, --group <group>",
      "share the partitions with the group's other members, and commit",
    )
    .option("--rack <name>", "read from replicas in this rack, where there are some")
    .option("-f, --template <template>", "printf-like form of a record", flagValue(parseTemplate))
    .addHelpText("after", HELP)
    .action(consume);
}

async function consume(topic: string, options: ConsumeOptions, command: Command): Promise<void> {
  const globals = globalOptions(command);
  const print = choosePrinter(options, globals);
  const from = chooseStart(options);
  if (options.group !== undefined && options.partition !== undefined) {
    throw usageError(
      "--partition and --group exclude each other: a group gives partitions to its members",
    );
  }
  const stop = listenForStop();
  const { group, count = Number.POSITIVE_INFINITY } = options;
  const read = async (client: RopewalkClient): Promise<void> => {
    await checkTopic(client, topic, options.partition);
    const { RecordSource: Source } = await import("../record-source.ts");
    await using source = new Source(client, {
      topic,
      partitions: options.partition,
      from,
      group,
      exitAtEnd: options.exitAtEnd === true,
      // A count may end in the middle of a batch.
      commits: options.count === undefined ? "asked" : "told",
      stop,
    });
    const output = new ByteOutput(process.stdout);
    await printRecords(source, print, output, { countMax: count, inGroup: group !== undefined });
  };
  await withClient(globals, { action: "consume", topic }, read, { rack: options.rack });
}

interface PrintLimits {
  readonly countMax: number;
  readonly inGroup: boolean;
}

/** Prints up to `countMax` records; in a group, commits what was printed, and nothing else. */
async function printRecords(
  source: RecordSource,
  print: RecordPrinter,
  output: ByteOutput,
  { countMax, inGroup }: PrintLimits,
): Promise<void> {
  try {
    const printed = await printUpTo(countMax, source, print, output, inGroup);
    if (inGroup && Number.isFinite(countMax)) await source.commit(printed);
  } catch (error) {
    // Nobody reads on, as with `| head`: that is how it is meant to end.
    if (!(error instanceof OutputClosedError)) throw error;
  }
}

/** Answers how far it printed. */
async function printUpTo(
  countMax: number,
  source: RecordSource,
  print: RecordPrinter,
  output: ByteOutput,
  inGroup: boolean,
): Promise<PartitionOffset[]> {
  const printed = new Map<number, PartitionOffset>();
  const flush = (): Promise<void> => output.flush();
  try {
    for (let remainingCount = countMax; remainingCount > 0;) {
      // Asking for more says that what came before was dealt with: it has to be out by then.
      if (inGroup) await flush();
      const records = await source.next(flush);
      if (records === undefined) break;
      const taken = records.slice(0, remainingCount);
      for (const record of taken) {
        print(record, output);
        if (output.isFull) await flush();
      }
      remainingCount -= taken.length;
      const last = taken.at(-1);
      if (last !== undefined) printed.set(last.partition, { ...last, offset: last.offset + 1 });
    }
  } finally {
    await flush();
  }
  return [...printed.values()].map(({ topic, partition, offset }) => ({
    topic,
    partition,
    offset,
  }));
}

function choosePrinter(options: ConsumeOptions, globals: GlobalOptions): RecordPrinter {
  if (globals.format === "json") {
    if (options.template !== undefined)
      throw usageError("--template and --format json exclude each other");
    return printJsonLine;
  }
  return options.template ?? printValueLine;
}

/** A group that has committed nothing yet begins at the beginning, or it would skip what its first run did not reach. */
function chooseStart(options: ConsumeOptions): StartOffset {
  const unsaid = options.group === undefined ? "latest" : "earliest";
  if (options.fromBeginning !== true) return options.offset ?? unsaid;
  if (options.offset !== undefined)
    throw usageError("--from-beginning and --offset exclude each other");
  return "earliest";
}

function collectPartitions(text: string, previous: readonly number[] | undefined): number[] {
  return [...(previous ?? []), integerFlag(0, PARTITION_MAX)(text)];
}

function parseStart(text: string): Parsed<StartOffset> {
  const start = parseStartOffset(text);
  return start === undefined ? { fault: `it must be ${START_OFFSET_FORMS}` } : { value: start };
}
