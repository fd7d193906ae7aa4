import type { GroupDescription } from "@ropewalk/client";
import { Command } from "commander";

import { askAdmin } from "../cluster-client.ts";
import { globalOptions } from "../global-options.ts";
import { formatPairs, formatTable } from "../table.ts";
import { printJson, printResult } from "../terminal.ts";

/** `ropewalk group …` */
export function groupCommand(): Command {
  return new Command("group")
    .description("list and describe consumer groups")
    .addCommand(listCommand())
    .addCommand(describeCommand());
}

function listCommand(): Command {
  return new Command("list")
    .alias("ls")
    .description("list the consumer groups")
    .addHelpText("after", "\nExample:\n  ropewalk group list")
    .action(async (_options: object, command: Command) => {
      const globals = globalOptions(command);
      const groups = await askAdmin(globals, { action: "list groups" }, (admin) =>
        admin.listGroups(),
      );
      if (globals.format === "json") return printJson(groups);
      const rows = groups.map((group) => [
        group.groupId,
        group.state.toLowerCase(),
        group.memberCount,
      ]);
      await printResult(formatTable(["group", "state", "members"], rows));
    });
}

function describeCommand(): Command {
  return new Command("describe")
    .description("show a group, its members, and how far it is behind on every partition")
    .argument("<group>", "the group")
    .addHelpText("after", "\nExample:\n  ropewalk group describe billing")
    .action(async (groupId: string, _options: object, command: Command) => {
      const globals = globalOptions(command);
      const { describeGroupLag } = await import("../group-lag.ts");
      const group = await askAdmin(globals, { action: `describe group ${groupId}` }, (admin) =>
        describeGroupLag(admin, groupId),
      );
      if (globals.format === "json") return printJson(group);
      await printResult(formatGroup(group));
    });
}

function formatGroup(group: GroupDescription): string {
  const lags = group.offsets.map((offset) => offset.lag);
  const pairs: [string, string | number][] = [
    ["group", group.groupId],
    ["state", group.state.toLowerCase()],
    ["coordinator", `broker ${group.coordinatorId}`],
    ["members", group.members.length],
    [
      "lag",
      lags.includes(null) ? "not known" : lags.reduce<number>((sum, lag) => sum + (lag ?? 0), 0),
    ],
  ];
  const rows = group.offsets.map((offset) => [
    offset.topic,
    offset.partition,
    offset.committedOffset ?? "-",
    offset.endOffset ?? "-",
    offset.lag ?? "-",
    memberOf(group, offset.topic, offset.partition),
  ]);
  const headings = ["topic", "partition", "committed", "end", "lag", "member"];
  return `${formatPairs(pairs)}\n${formatTable(headings, rows)}`;
}

/** Who reads a partition at present. */
function memberOf(group: GroupDescription, topic: string, partition: number): string {
  const reader = group.members.find((member) =>
    member.assignment.some(
      (assigned) => assigned.topic === topic && assigned.partitions.includes(partition),
    ),
  );
  if (reader === undefined) return "-";
  return reader.clientId === "" ? reader.memberId : `${reader.clientId} (${reader.memberId})`;
}
