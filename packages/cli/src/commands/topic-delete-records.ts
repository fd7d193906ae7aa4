import type { RopewalkClient } from "@ropewalk/client";
import { Command } from "commander";

import { failure } from "../cli-error.ts";
import { checkTopic, withClient } from "../cluster-client.ts";
import { flagValue, integerFlag } from "../flag-value.ts";
import { globalOptions } from "../global-options.ts";
import type { Parsed } from "../parsed.ts";
import { printJson, printResult } from "../terminal.ts";

/** Where deleting ends: before an offset, or at what the partition's end is when the command looks. */
type Before = number | "end";

interface DeleteRecordsOptions {
  readonly partition: number;
  readonly before: Before;
  readonly dryRun?: boolean;
}

/** What becomes of a partition, or would: it begins at `startOffset` and no more at `previousStartOffset`. */
interface Deletion {
  readonly topic: string;
  readonly partition: number;
  readonly dryRun: boolean;
  readonly previousStartOffset: number;
  readonly startOffset: number;
}

/** `ropewalk topic delete-records` */
export function deleteRecordsCommand(): Command {
  return new Command("delete-records")
    .description("delete the oldest records of a partition, for ever")
    .argument("<name>", "the topic")
    .requiredOption(
      "-p, --partition <partition>",
      "the partition",
      integerFlag(0, Number.MAX_SAFE_INTEGER),
    )
    .requiredOption(
      "--before <offset>",
      "delete what lies before this offset; end: everything there is",
      flagValue(parseBefore),
    )
    .option("--dry-run", "say what would be deleted, and delete nothing")
    .addHelpText(
      "after",
      `
Offsets stay what they are: the partition begins later. It cannot be undone.

Example:
  ropewalk topic delete-records orders -p 0 --before 1000 --dry-run`,
    )
    .action(async (name: string, options: DeleteRecordsOptions, command: Command) => {
      const globals = globalOptions(command);
      const attempted = { action: `delete records of ${name}-${options.partition}`, topic: name };
      const deletion = await withClient(globals, attempted, (client) =>
        deleteRecords(client, name, options),
      );
      if (globals.format === "json") return printJson(deletion);
      await printResult(`${formatDeletion(deletion)}\n`);
    });
}

async function deleteRecords(
  client: RopewalkClient,
  topic: string,
  { before, dryRun = false, partition }: DeleteRecordsOptions,
): Promise<Deletion> {
  await checkTopic(client, topic, [partition]);
  const admin = client.admin();
  const [found] = await admin.listOffsets(topic, "earliest", [partition]);
  if (found === undefined) throw failure(`the offsets of ${topic}-${partition} are not known`);
  const { highWatermark, logStartOffset: previousStartOffset } = found;
  // The end as it is now: what comes in meanwhile was not meant, nor what comes in between two attempts.
  const offset = before === "end" ? highWatermark : before;
  const result = { topic, partition, dryRun, previousStartOffset };
  if (!dryRun) {
    const [deleted] = await admin.deleteRecords({ topic, offsets: [{ partition, offset }] });
    return { ...result, startOffset: deleted?.logStartOffset ?? offset };
  }
  if (offset > highWatermark) {
    throw failure(
      `cannot delete records of ${topic}-${partition} before offset ${offset}: it ends at ${highWatermark}`,
    );
  }
  return { ...result, startOffset: Math.max(offset, previousStartOffset) };
}

function formatDeletion(deletion: Deletion): string {
  const { dryRun, partition, previousStartOffset, startOffset, topic } = deletion;
  const name = `${topic}-${partition}`;
  if (startOffset <= previousStartOffset) {
    return `nothing to delete: ${name} begins at offset ${startOffset}`;
  }
  const range = `offsets ${previousStartOffset}–${startOffset - 1} of ${name}`;
  return dryRun
    ? `would delete ${range}; it would begin at offset ${startOffset}`
    : `deleted ${range}; it begins at offset ${startOffset}`;
}

function parseBefore(text: string): Parsed<Before> {
  if (text === "end" || text === "latest") return { value: "end" };
  const offset = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(offset)) return { value: offset };
  return { fault: "it must be an offset, or end" };
}
