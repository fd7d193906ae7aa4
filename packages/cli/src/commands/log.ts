import process from "node:process";

import type { GroupKey, LogFault, LogInspection } from "@ropewalk/log";
import { Command } from "commander";

import { failure } from "../cli-error.ts";
import { flagValue } from "../flag-value.ts";
import { globalOptions } from "../global-options.ts";
import type { Parsed } from "../parsed.ts";
import { formatPairs, formatTable } from "../table.ts";
import { printJson, printResult } from "../terminal.ts";

const HELP = `
DIR is a broker's --data-dir, or the directory log in it. The broker must be stopped; a copy of the
directory does as well. Nothing that belongs to the log is changed.`;

/** `ropewalk log …` */
export function logCommand(): Command {
  return new Command("log")
    .description("look into the log of a stopped broker")
    .addCommand(inspectCommand())
    .addCommand(verifyCommand());
}

function inspectCommand(): Command {
  return new Command("inspect")
    .description("show files, groups and the journal's end, and what is damaged")
    .argument("<dir>", "the broker's data directory")
    .option("--group <id.incarnation>", "list the entries of this group", flagValue(parseGroup))
    .addHelpText("after", `${HELP}\n\nExample:\n  ropewalk log inspect .ropewalk/broker-1`)
    .action(async (directory: string, options: { group?: GroupKey }, command: Command) => {
      const { group } = options;
      const inspection = await inspect(directory, group);
      if (group !== undefined && inspection.entries === undefined) {
        const name = `${group.groupId}.${group.incarnation}`;
        throw failure(`cannot list the entries of group ${name}: ${directory} has no such group`);
      }
      if (globalOptions(command).format === "json") return printJson(inspection);
      await printResult(formatInspection(inspection));
    });
}

function verifyCommand(): Command {
  return new Command("verify")
    .description("check every byte: exit status 0 if all is as it was written, 1 if not")
    .argument("<dir>", "the broker's data directory")
    .addHelpText(
      "after",
      `${HELP}\n\nExample:\n  ropewalk log verify .ropewalk/broker-1 && echo sound`,
    )
    .action(async (directory: string, _options: object, command: Command) => {
      const { faults, files, groups, segments } = await inspect(directory);
      const isSound = faults.length === 0;
      if (!isSound) process.exitCode = 1;
      if (globalOptions(command).format === "json") {
        return printJson({ sound: isSound, faults });
      }
      const counts = `${files.length} journal files, ${segments.length} segments, ${groups.length} groups`;
      const places = faults.length === 1 ? "1 place" : `${faults.length} places`;
      const verdict = isSound ? "sound" : `damaged in ${places}`;
      await printResult(`${verdict}: ${counts}\n${faults.map(formatFault).join("")}`);
    });
}

async function inspect(directory: string, entriesOf?: GroupKey): Promise<LogInspection> {
  const [{ inspectLog }, { NodeDisk }] = await Promise.all([
    import("@ropewalk/log"),
    import("@ropewalk/runtime/node"),
  ]);
  const disk = new NodeDisk();
  const inside = disk.join(directory, "log");
  const hasLogInside = await disk.exists(inside);
  return inspectLog({ disk, directory: hasLogInside ? inside : directory, entriesOf });
}

/** Reads `id.incarnation`, as `inspect` prints it. */
export function parseGroup(text: string): Parsed<GroupKey> {
  const [, groupId, incarnation] = /^(\d{1,15})\.(\d{1,15})$/.exec(text) ?? [];
  if (groupId === undefined || incarnation === undefined) {
    return { fault: `"${text}" is not ID.INCARNATION` };
  }
  return { value: { groupId: Number(groupId), incarnation: Number(incarnation) } };
}

/** An inspection for people: what holds for all, then files, groups, entries and faults. */
function formatInspection(inspection: LogInspection): string {
  const { directory, directoryId, durableTo, end, entries, faults } = inspection;
  const place = (at: typeof end): string =>
    at === undefined ? "-" : `${at.file}, position ${at.position}`;
  const pairs: [string, string | number][] = [
    ["directory", directory],
    ["directory id", directoryId],
    ["durable to", place(durableTo)],
    ["end", place(end)],
    ["checkpoint", checkpointOf(inspection)],
    ["unneeded files", inspection.unfinishedFiles.length],
    ["faults", faults.length],
  ];
  const parts = [formatPairs(pairs), formatFiles(inspection), formatGroups(inspection)];
  if (inspection.segments.length > 0) parts.push(formatSegments(inspection));
  if (entries !== undefined) parts.push(formatEntries(entries));
  if (faults.length > 0) parts.push(faults.map(formatFault).join(""));
  return parts.join("\n");
}

function checkpointOf({ checkpoints }: LogInspection): string {
  const numbers = checkpoints.flatMap(({ number }) => number ?? []);
  const newest = Math.max(...numbers, 0);
  const copies = numbers.filter((number) => number === newest).length;
  return newest === 0 ? "-" : `${newest}, in ${copies} ${copies === 1 ? "copy" : "copies"}`;
}

function formatSegments({ segments }: LogInspection): string {
  const headings = ["segment", "state", "first", "last", "offsets", "chunks", "bytes"];
  const rows = segments.map((segment) => [
    segment.name,
    `${segment.isSealed ? "sealed" : "open"}${segment.isCompacted ? ", compacted" : ""}`,
    segment.firstIndex,
    segment.lastIndex,
    formatOffsets(segment),
    segment.chunkCount,
    segment.sizeBytes,
  ]);
  return formatTable(headings, rows);
}

function formatOffsets({
  baseOffset,
  endOffset,
}: {
  baseOffset: number;
  endOffset: number;
}): string {
  return endOffset === baseOffset ? "-" : `${baseOffset}–${endOffset - 1}`;
}

function formatFiles({ files }: LogInspection): string {
  const headings = ["file", "state", "bytes", "used", "records", "entries", "groups"];
  const rows = files.map((file) => [
    file.name,
    file.state,
    file.sizeBytes,
    file.usedBytes,
    file.recordCount,
    file.entryCount,
    file.groupCount,
  ]);
  return formatTable(headings, rows);
}

function formatGroups({ faults, groups }: LogInspection): string {
  const damaged = new Set(faults.map(({ group }) => group));
  const headings = ["group", "term", "vote", "commit", "first", "last", "segments", "bytes"];
  const rows = groups.map(({ hardState, ...group }) => [
    group.group,
    hardState.term,
    hardState.vote,
    hardState.commit,
    group.firstIndex,
    group.lastIndex,
    group.segmentCount,
    group.dataBytes,
    group.startOffset,
    group.endOffset,
    group.quarantined === undefined && !damaged.has(group.group) ? "sound" : "damaged",
  ]);
  return formatTable([...headings, "start offset", "end offset", "state"], rows);
}

function formatEntries(entries: NonNullable<LogInspection["entries"]>): string {
  const headings = ["index", "term", "type", "offsets", "bytes", "file", "position"];
  const rows = entries.map((entry) => [
    entry.index,
    entry.term,
    entry.type,
    formatOffsets(entry),
    entry.dataBytes,
    entry.file,
    entry.position,
  ]);
  return formatTable(headings, rows);
}

function formatFault({ endPosition, file, group, index, position, what }: LogFault): string {
  const whose = group === undefined ? "" : ` group ${group}`;
  const entry = index === undefined ? "" : ` index ${index}`;
  return `${file} [${position}, ${endPosition})${whose}${entry}: ${what}\n`;
}
