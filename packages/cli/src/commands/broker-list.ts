import type { BrokerDescription } from "@ropewalk/protocol";
import { Command } from "commander";

import { askAdmin } from "../cluster-client.ts";
import { globalOptions } from "../global-options.ts";
import { formatTable } from "../table.ts";
import { printJson, printResult } from "../terminal.ts";

const GIBIBYTE = 1024 ** 3;

/** `ropewalk broker list` */
export function brokerListCommand(): Command {
  return new Command("list")
    .alias("ls")
    .description("list the brokers of the cluster, and where each is in its life")
    .addHelpText(
      "after",
      `
STATE is active, fenced (silent for too long), draining, drained or decommissioning.
VOTES says whether it decides on the cluster's metadata (voter) or follows (learner).
STARTS counts the starts with this disk.

Example:
  ropewalk broker list --format json`,
    )
    .action(async (_options: object, command: Command) => {
      const globals = globalOptions(command);
      const { brokers } = await askAdmin(globals, { action: "list the brokers" }, (admin) =>
        admin.describeCluster(),
      );
      if (globals.format === "json") return printJson(brokers);
      await printResult(formatBrokers(brokers));
    });
}

/** The brokers as a table for people. */
export function formatBrokers(brokers: readonly BrokerDescription[]): string {
  const headings = ["broker", "address", "state", "leads", "replicas", "rack", "disk", "votes"];
  const rows = brokers.map((broker) => [
    broker.brokerId,
    `${broker.host}:${broker.port}`,
    broker.state.toLowerCase(),
    broker.ledPartitionCount,
    broker.replicaCount,
    broker.rack === "" ? "-" : broker.rack,
    broker.diskCapacityBytes === 0 ? "-" : `${Math.round(broker.diskCapacityBytes / GIBIBYTE)}GiB`,
    broker.controllerRole === "UNSPECIFIED" ? "-" : broker.controllerRole.toLowerCase(),
    broker.startCount,
    broker.version,
  ]);
  return formatTable([...headings, "starts", "version"], rows);
}
