import process from "node:process";

import { Command } from "commander";

import { formatAddress } from "../address.ts";
import { failure } from "../cli-error.ts";
import {
  DEV_BROKERS_MAX,
  DEV_PORT_BASE,
  DEV_PORT_BASE_MAX,
  devAddresses,
  devBanner,
  devBrokerConfigs,
  type DevLayout,
} from "../dev-layout.ts";
import { integerFlag } from "../flag-value.ts";
import { packageVersion } from "../package-version.ts";
import { findAddressInUse } from "../port-check.ts";
import { listenForStop, stopRequested } from "../stop-signal.ts";
import { printResult } from "../terminal.ts";

interface DevOptions {
  readonly brokers: number;
  readonly dataDir: string;
  readonly ephemeral?: boolean;
  readonly portBase: number;
  readonly verbose?: boolean;
}

const HELP = `
Ports, on loopback only: clients 7700, 7701, …; peers 7710, …; HTTP (metrics, health) 7720, …
Warnings go to standard error; --verbose shows everything.

Example:
  ropewalk dev --ephemeral --port-base 8700`;

/** `ropewalk dev` */
export function devCommand(): Command {
  return new Command("dev")
    .description("start a cluster in this process, for development")
    .option("--brokers <count>", "how many brokers", integerFlag(1, DEV_BROKERS_MAX), 3)
    .option("--data-dir <directory>", "where the data is kept between starts", "./.ropewalk")
    .option("--ephemeral", "keep the data in a temporary directory and remove it at exit")
    .option(
      "--port-base <port>",
      "the first port; the others follow up to 29 above it",
      integerFlag(1, DEV_PORT_BASE_MAX),
      DEV_PORT_BASE,
    )
    .option("-v, --verbose", "show the log on standard error")
    .addHelpText("after", HELP)
    .action(dev);
}

async function dev(options: DevOptions): Promise<void> {
  const stop = listenForStop();
  const [{ LocalCluster }, { chooseDevDirectory, claimDevDirectory, markDevDirectory }] =
    await Promise.all([import("../local-cluster.ts"), import("../dev-directory.ts")]);
  const layout: DevLayout = {
    brokerCount: options.brokers,
    portBase: options.portBase,
    dataDirectory: await chooseDevDirectory(options.dataDir, options.ephemeral === true),
  };
  const cluster = new LocalCluster(options.verbose === true ? "debug" : "warn");
  // The lock comes first: a second start in the same directory learns who has it, not that a port is in use.
  const lock = await claimDevDirectory(cluster.disk, layout);
  const configs = devBrokerConfigs(layout);
  const inUse = await findAddressInUse(devAddresses(configs));
  if (inUse !== undefined) {
    throw failure(
      `cannot listen on ${formatAddress(inUse)}: the port is in use; stop its owner, or use --port-base`,
    );
  }
  await markDevDirectory(cluster.disk, layout);
  await cluster.start(configs, stop);
  if (!stop.aborted) {
    const facts = {
      version: packageVersion(),
      // Counted from the start of the process.
      readyMs: performance.now(),
      ephemeral: options.ephemeral === true,
    };
    await printResult(devBanner(layout, facts));
    await stopRequested(stop);
  }
  if (process.stdout.isTTY) await printResult("\nStopping …\n");
  await cluster.stop();
  await lock.release();
}
