import type { ReassignmentList } from "@ropewalk/client";
import { Command } from "commander";

import { askAdmin } from "../cluster-client.ts";
import { globalOptions } from "../global-options.ts";
import { formatThrottle } from "../replica-flags.ts";
import { formatTable } from "../table.ts";
import { printJson, printResult } from "../terminal.ts";

/** `ropewalk partitions list-reassignments` */
export function listReassignmentsCommand(): Command {
  return new Command("list-reassignments")
    .description("show the partitions whose replicas move, and how far they are")
    .option("-t, --topic <topic>", "only those of this topic")
    .addHelpText("after", "\nExample:\n  ropewalk partitions list-reassignments")
    .action(async ({ topic }: { readonly topic?: string }, command: Command) => {
      const globals = globalOptions(command);
      const list = await askAdmin(globals, { action: "list reassignments" }, (admin) =>
        admin.listReassignments(topic),
      );
      if (globals.format === "json") return printJson(list);
      await printResult(formatReassignments(list));
    });
}

/** A table for people. */
export function formatReassignments({
  reassignments,
  throttleBytesPerSecond,
}: ReassignmentList): string {
  const throttle = `throttle: ${formatThrottle(throttleBytesPerSecond)}\n`;
  if (reassignments.length === 0) return `nothing moves\n${throttle}`;
  const rows = reassignments.map((each) => [
    each.topic,
    each.partition,
    each.replicaIds.join(","),
    each.targetIds.join(","),
    each.addingIds.join(",") || "-",
    each.removingIds.join(",") || "-",
    each.state.toLowerCase().replaceAll("_", " "),
    each.percent === undefined ? "-" : `${each.percent} %`,
  ]);
  const headings = ["topic", "partition", "from", "to", "adding", "removing", "state", "copied"];
  return `${formatTable(headings, rows)}${throttle}`;
}
