import process from "node:process";

import type { DescribeClusterResponse } from "@ropewalk/protocol";
import { Command } from "commander";

import { askAdmin } from "../cluster-client.ts";
import { globalOptions } from "../global-options.ts";
import { formatPairs, formatTable } from "../table.ts";
import { printJson, printResult } from "../terminal.ts";

/** How many leaderless partitions are named in one line. */
const NAMED_PARTITIONS_MAX = 5;

/** `ropewalk cluster …` */
export function clusterCommand(): Command {
  return new Command("cluster")
    .description("show the cluster and its health")
    .addCommand(infoCommand())
    .addCommand(healthCommand());
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

function healthCommand(): Command {
  return new Command("health")
    .description("tell whether the cluster is healthy: exit status 0 if it is, 1 if not")
    .addHelpText("after", "\nExample:\n  ropewalk cluster health && echo fine")
    .action(async (_options: object, command: Command) => {
      const globals = globalOptions(command);
      const cluster = await askAdmin(globals, { action: "ask for the cluster's health" }, (admin) =>
        admin.describeCluster(),
      );
      const problems = clusterProblems(cluster);
      if (problems.length > 0) process.exitCode = 1;
      if (globals.format === "json") return printJson({ healthy: problems.length === 0, problems });
      await printResult(
        problems.length === 0 ? "healthy\n" : `unhealthy: ${problems.join("; ")}\n`,
      );
    });
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

/** Everything that keeps the cluster from being healthy, for people. */
export function clusterProblems(cluster: DescribeClusterResponse): string[] {
  const problems: string[] = [];
  if (cluster.controllerId === 0) problems.push("there is no controller");
  for (const broker of cluster.brokers) {
    if (!broker.alive)
      problems.push(`broker ${broker.brokerId} (${broker.host}:${broker.port}) is silent`);
  }
  const leaderless = cluster.leaderless.map(({ topic, partition }) => `${topic}/${partition}`);
  if (leaderless.length > 0) {
    const named = leaderless.slice(0, NAMED_PARTITIONS_MAX).join(", ");
    const rest = leaderless.length > NAMED_PARTITIONS_MAX ? ", …" : "";
    problems.push(`${leaderless.length} partitions have no leader (${named}${rest})`);
  }
  return problems;
}
