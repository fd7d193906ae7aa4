import type { ConfigResource } from "@ropewalk/client";
import { Command } from "commander";

import { usageError } from "../cli-error.ts";
import { askAdmin } from "../cluster-client.ts";
import { addAlterationFlags, type AlterationFlags } from "../config-alterations.ts";
import { formatConfigs } from "../config-table.ts";
import { integerFlag } from "../flag-value.ts";
import { globalOptions } from "../global-options.ts";
import { printJson, printResult } from "../terminal.ts";
import { alterConfigs, resourceName } from "./config-alter.ts";

const BROKER_ID_MAX = 2 ** 31 - 1;

interface ResourceFlags {
  readonly topic?: string;
  readonly broker?: number;
  readonly brokerDefaults?: boolean;
}

interface DescribeFlags extends ResourceFlags {
  readonly docs?: boolean;
  readonly unsupported?: boolean;
}

/** `ropewalk config …` */
export function configCommand(): Command {
  return new Command("config")
    .description("describe and alter configs of topics, of brokers, and their defaults")
    .addCommand(describeCommand())
    .addCommand(alterCommand());
}

function describeCommand(): Command {
  return addResourceFlags(new Command("describe"))
    .description("show configs: value, where it comes from, and the default")
    .argument("[name...]", "only these")
    .option("--docs", "say what each does and which values it can have")
    .option("--unsupported", "show those of Kafka's that are not supported, too")
    .addHelpText(
      "after",
      `
Examples:
  ropewalk config describe --topic orders --docs
  ropewalk config describe --broker-defaults log.retention.ms`,
    )
    .action(describeConfigs);
}

async function describeConfigs(
  names: readonly string[],
  flags: DescribeFlags,
  command: Command,
): Promise<void> {
  const globals = globalOptions(command);
  const resource = resourceOf(flags);
  const attempted = { action: `describe configs of ${resourceName(resource)}`, ...topicOf(flags) };
  const question = { names, includeUnsupported: flags.unsupported === true };
  const configs = await askAdmin(globals, attempted, (admin) =>
    admin.describeConfigs(resource, question),
  );
  if (globals.format === "json") return printJson(configs);
  await printResult(formatConfigs(configs, { docs: flags.docs === true }));
}

function alterCommand(): Command {
  return addAlterationFlags(addResourceFlags(new Command("alter")))
    .description("set configs, or go back to defaults; all at once, or nothing")
    .addHelpText(
      "after",
      `
What runs follows at once; nothing is restarted.

Examples:
  ropewalk config alter --topic orders --set retention.ms=86400000
  ropewalk config alter --broker-defaults --set num.partitions=6 --delete log.retention.ms --dry-run`,
    )
    .action((flags: ResourceFlags & AlterationFlags, command: Command) =>
      alterConfigs(globalOptions(command), resourceOf(flags), flags),
    );
}

function addResourceFlags(command: Command): Command {
  return command
    .option("-t, --topic <name>", "of a topic")
    .option("--broker <id>", "of one broker alone", integerFlag(1, BROKER_ID_MAX))
    .option("--broker-defaults", "of the cluster: the defaults of all brokers and topics");
}

function resourceOf({ broker, brokerDefaults, topic }: ResourceFlags): ConfigResource {
  const named: ConfigResource[] = [];
  if (topic !== undefined) named.push({ kind: "topic", name: topic });
  if (broker !== undefined) named.push({ kind: "broker", brokerId: broker });
  if (brokerDefaults === true) named.push({ kind: "cluster" });
  const [resource] = named;
  if (resource !== undefined && named.length === 1) return resource;
  throw usageError(
    "say whose configs: --topic NAME, --broker ID or --broker-defaults, one of them",
  );
}

function topicOf({ topic }: ResourceFlags): { readonly topic?: string } {
  return topic === undefined ? {} : { topic };
}
