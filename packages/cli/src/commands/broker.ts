import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import process from "node:process";

import { Command } from "commander";

import type { BrokerSettingName, BrokerSettings, SettingSources } from "../broker-settings.ts";
import { messageOf, usageError } from "../cli-error.ts";
import { brokerDutyCommands } from "./broker-duty.ts";
import { brokerListCommand } from "./broker-list.ts";
import { listenForStop } from "../stop-signal.ts";

/** The environment variable that names the settings file. */
const CONFIG_VARIABLE = "ROPEWALK_CONFIG";

const HELP = `
Every setting has one name: --data-dir, the key data-dir in the file, the variable ROPEWALK_DATA_DIR.
A flag beats a variable, a variable the file, the file the default. An empty variable counts as not set.

Placeholders in addresses, --data-dir and --rack: {id}, {ordinal} (the id minus one), {hostname}.
--id auto takes the number at the end of the host name, plus one: ropewalk-0 is broker 1.
--peers names the brokers that form the cluster, this one included: a majority of them must come, in any
order. A broker that joins a cluster is started with some of its brokers. A range stands for one entry per id:
1..3=ropewalk-{ordinal}.ropewalk:7710. So all pods of a StatefulSet share one file or environment.

The log goes to standard output, one JSON object a line. SIGTERM and Ctrl-C stop cleanly, with status 0.

Examples:
  ropewalk broker --data-dir /var/lib/ropewalk
  ropewalk broker --id 2 --config cluster.yaml
  ROPEWALK_ID=auto ropewalk broker --config cluster.yaml

  # cluster.yaml
  listen: 0.0.0.0:7700
  advertise: "{hostname}.ropewalk:7700"
  peer-listen: 0.0.0.0:7710
  peers: 1..3=ropewalk-{ordinal}.ropewalk:7710
  http-listen: 0.0.0.0:7720
  data-dir: /var/lib/ropewalk`;

/** `ropewalk broker` */
export function brokerCommand(): Command {
  const command = new Command("broker")
    .description("start one broker in this process, or look after those that run")
    .option("--id <id>", "this broker's id, 1 or more, or auto (default: 1, in a cluster of one)")
    .option("--data-dir <directory>", "where its data is kept (default: ./ropewalk-data)")
    .option("--listen <host:port>", "where it listens for clients (default: 127.0.0.1:7700)")
    .option("--advertise <host:port>", "where clients reach it (default: as it listens)")
    .option(
      "--peer-listen <host:port>",
      "where it listens for other brokers (default: 127.0.0.1:7710, or as in --peers on this machine)",
    )
    .option("--peer-advertise <host:port>", "where other brokers reach it (default: as in --peers)")
    .option("--http-listen <host:port>", "metrics and health over HTTP (default: 127.0.0.1:7720)")
    .option(
      "--peers <1=host:port,…>",
      "the brokers that form the cluster, or some of the one to join (default: this one)",
    )
    .option(
      "--initial-cluster-state <state>",
      "new, or existing: without data it waits for its cluster and never forms one (default: new)",
    )
    .option("--rack <name>", "its failure domain: replicas are spread over racks")
    .option("--log-level <level>", "debug, info, warn or error (default: info)")
    .option("--config <file>", `settings as YAML or JSON (also ${CONFIG_VARIABLE})`)
    .addHelpText("after", HELP)
    .action(runBroker);
  for (const child of [brokerListCommand(), ...brokerDutyCommands()]) command.addCommand(child);
  return command;
}

async function runBroker(_options: object, command: Command): Promise<void> {
  const stop = listenForStop();
  const settings = await readSettings(command);
  const { runBrokerUntil } = await import("../broker-process.ts");
  await runBrokerUntil(settings, stop);
}

async function readSettings(command: Command): Promise<BrokerSettings> {
  // Loaded late: no other command reads YAML.
  const { BROKER_SETTING_NAMES, resolveBrokerSettings } = await import("../broker-settings.ts");
  const flags: Partial<Record<BrokerSettingName, string>> = {};
  for (const name of BROKER_SETTING_NAMES) {
    const value: unknown = command.getOptionValue(camelCase(name));
    if (typeof value === "string") flags[name] = value;
  }
  const config: unknown = command.getOptionValue("config");
  const path = typeof config === "string" ? config : process.env[CONFIG_VARIABLE];
  const file = path === undefined || path === "" ? undefined : await readSettingsFile(path);
  const outcome = resolveBrokerSettings({
    flags,
    environment: process.env,
    file,
    hostname: hostname(),
  });
  if (outcome.settings !== undefined) return outcome.settings;
  throw usageError(
    `cannot start the broker, its settings are wrong:\n  ${outcome.problems.join("\n  ")}`,
  );
}

async function readSettingsFile(path: string): Promise<SettingSources["file"]> {
  try {
    return { path, content: await readFile(path, "utf8") };
  } catch (error) {
    throw usageError(`cannot read the settings file ${path}: ${messageOf(error)}`);
  }
}

function camelCase(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
