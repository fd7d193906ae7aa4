import process from "node:process";

import type { Admin } from "@ropewalk/client";
import type { DescribeClusterResponse } from "@ropewalk/protocol";
import { Command } from "commander";

import { CliError } from "../cli-error.ts";
import {
  type ClusterFindings,
  clusterProblems,
  healthStatus,
  type Problem,
} from "../cluster-problems.ts";
import { askAdmin } from "../cluster-client.ts";
import { featuresCommand, upgradeCommand } from "./cluster-features.ts";
import { globalOptions } from "../global-options.ts";
import { formatPairs, formatTable } from "../table.ts";
import { printJson, printResult } from "../terminal.ts";

/** `ropewalk cluster …` */
export function clusterCommand(): Command {
  return new Command("cluster")
    .description("show the cluster and its health, and end a rolling upgrade")
    .addCommand(infoCommand())
    .addCommand(healthCommand())
    .addCommand(featuresCommand())
    .addCommand(upgradeCommand());
}

function infoCommand(): Command {
  return new Command("info")
    .description("show the cluster and its brokers")
    .addHelpText("after", "\nExample:\n  ropewalk cluster info -b localhost:7700")
    .action(async (_options: object, command: Command) => {
      const globals = globalOptions(command);
      const cluster = await askAdmin(globals, { action: "describe the cluster" }, (admin) =>
        admin.describeCluster(),
      );
      if (globals.format === "json") return printJson(cluster);
      await printResult(formatCluster(cluster));
    });
}

const HEALTH_HELP = `
Asks every broker how it does. Each problem comes with what mends it.

Exit status: 0 healthy; 1 it works, and needs attention; 2 something cannot be read or written, or no broker
answers.

Examples:
  ropewalk cluster health && echo fine
  ropewalk cluster health --format json | jq -r '.problems[].kind'`;

function healthCommand(): Command {
  return new Command("health")
    .description("say what is wrong with the cluster, and what mends it")
    .addHelpText("after", HEALTH_HELP)
    .action(async (_options: object, command: Command) => {
      const globals = globalOptions(command);
      const attempted = { action: "ask for the cluster's health" };
      const findings = await askAdmin(globals, attempted, look).catch(tellUnreachable);
      const problems = clusterProblems(findings);
      process.exitCode = healthStatus(problems);
      if (globals.format === "json") return printJson(healthJson(problems));
      await printResult(formatProblems(problems));
    });
}

/** A cluster that does not answer is as bad as one that can neither be read nor written. */
function tellUnreachable(error: unknown): never {
  if (!(error instanceof CliError)) throw error;
  throw new CliError(error.message, 2, { cause: error });
}

async function look(admin: Admin): Promise<ClusterFindings> {
  const cluster = await admin.describeCluster();
  const alive = cluster.brokers.filter((broker) => broker.alive);
  const answers = await admin.describeBrokerHealth(alive.map(({ brokerId }) => brokerId));
  return { cluster, health: new Map(answers.map((answer) => [answer.brokerId, answer])) };
}

function healthJson(problems: readonly Problem[]): object {
  const status = (["healthy", "warning", "critical"] as const)[healthStatus(problems)];
  return { healthy: problems.length === 0, status, problems };
}

function formatProblems(problems: readonly Problem[]): string {
  if (problems.length === 0) return "healthy\n";
  const lines = problems.map(
    ({ mend, severity, what }) =>
      `${severity}: ${what}\n${mend.split("\n").map(mendLine).join("")}`,
  );
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return `unhealthy: ${count}\n\n${lines.join("")}`;
}

function mendLine(mend: string, at: number): string {
  return `  ${at === 0 ? "mend" : "  or"}: ${mend}\n`;
}

function formatCluster(cluster: DescribeClusterResponse): string {
  const pairs: [string, string | number][] = [
    ["cluster", cluster.clusterId],
    ["controller", cluster.controllerId === 0 ? "none" : `broker ${cluster.controllerId}`],
    ["topics", cluster.topicCount],
    ["partitions", `${cluster.partitionCount} (${cluster.leaderless.length} without a leader)`],
  ];
  const headings = ["broker", "address", "state", "leads", "replicas", "rack", "version"];
  const rows = cluster.brokers.map((broker) => [
    broker.brokerId,
    `${broker.host}:${broker.port}`,
    broker.alive ? "alive" : "silent",
    broker.ledPartitionCount,
    broker.replicaCount,
    broker.rack === "" ? "-" : broker.rack,
    broker.version,
  ]);
  return `${formatPairs(pairs)}\n${formatTable(headings, rows)}`;
}
