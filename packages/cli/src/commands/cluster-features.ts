import type { FeatureUpgrade } from "@ropewalk/client";
import type { DescribeClusterResponse } from "@ropewalk/protocol";
import { Command } from "commander";

import { askAdmin, changeByAdmin } from "../cluster-client.ts";
import { globalOptions } from "../global-options.ts";
import { formatTable } from "../table.ts";
import { printJson, printResult } from "../terminal.ts";

/** `ropewalk cluster features` */
export function featuresCommand(): Command {
  return new Command("features")
    .description("show the cluster's feature level, and which levels each broker knows")
    .addHelpText(
      "after",
      `
What a new version adds is used once the cluster's feature level is raised. That happens by itself when every broker
knows the level, unless the cluster's config features.auto.finalization is false.

Example:
  ropewalk cluster features`,
    )
    .action(async (_options: object, command: Command) => {
      const globals = globalOptions(command);
      const cluster = await askAdmin(globals, { action: "describe the features" }, (admin) =>
        admin.describeCluster(),
      );
      if (globals.format === "json") return printJson(featuresOf(cluster));
      await printResult(formatFeatures(cluster));
    });
}

interface UpgradeFlags {
  readonly dryRun?: boolean;
}

/** `ropewalk cluster upgrade` */
export function upgradeCommand(): Command {
  return new Command("upgrade")
    .description("end a rolling upgrade: use what every broker knows now, for good")
    .option("--dry-run", "say what would be done, and change nothing")
    .addHelpText(
      "after",
      `
A rolling upgrade: keep the way back with
  ropewalk config alter --broker-defaults --set features.auto.finalization=false
then, for each broker: ropewalk broker drain ID; stop it; start the new version; ropewalk broker undrain ID. When all is
well, ropewalk cluster upgrade. From then on brokers of the version before cannot join any more.

Example:
  ropewalk cluster upgrade --dry-run`,
    )
    .action(async ({ dryRun = false }: UpgradeFlags, command: Command) => {
      const globals = globalOptions(command);
      const upgrade = await changeByAdmin(globals, { action: "upgrade the cluster" }, (admin) =>
        admin.upgradeFeatureLevel({ dryRun }),
      );
      if (globals.format === "json") return printJson({ dryRun, ...upgrade });
      await printResult(formatUpgrade(upgrade, dryRun));
    });
}

/** The highest level that every broker knows; 0 where there are none. */
function knownLevel({ brokers }: DescribeClusterResponse): number {
  return brokers.length === 0 ? 0 : Math.min(...brokers.map((each) => each.featureLevelMax));
}

function featuresOf(cluster: DescribeClusterResponse): object {
  const brokers = cluster.brokers.map((broker) => {
    const { brokerId, featureLevelMax, featureLevelMin, version } = broker;
    return { brokerId, version, featureLevelMin, featureLevelMax };
  });
  return { featureLevel: cluster.featureLevel, knownLevel: knownLevel(cluster), brokers };
}

/** The levels as a table for people, with what they mean for the cluster. */
export function formatFeatures(cluster: DescribeClusterResponse): string {
  const rows = cluster.brokers.map((broker) => [
    broker.brokerId,
    broker.version,
    `${broker.featureLevelMin}-${broker.featureLevelMax}`,
  ]);
  return `${formatTable(["broker", "version", "levels"], rows)}\n${meaning(cluster)}\n`;
}

function meaning(cluster: DescribeClusterResponse): string {
  const { brokers, featureLevel } = cluster;
  const known = knownLevel(cluster);
  const now = `the cluster is at feature level ${featureLevel}`;
  if (known > featureLevel) return `${now}; every broker knows ${known}: ropewalk cluster upgrade`;
  const behind = brokers.filter((each) => each.featureLevelMax === known);
  if (behind.length === brokers.length) return `${now}, the highest that its brokers know`;
  return `${now}; brokers ${behind.map((each) => each.brokerId).join(", ")} know no higher one`;
}

function formatUpgrade({ level, previousLevel }: FeatureUpgrade, dryRun: boolean): string {
  if (level === previousLevel) {
    return `the cluster is at feature level ${level}, the highest that every broker knows\n`;
  }
  const told = dryRun ? "would raise" : "raised";
  return `${told} the feature level from ${previousLevel} to ${level}\n`;
}
