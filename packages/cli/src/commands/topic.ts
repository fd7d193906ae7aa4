import { Command } from "commander";

import { askAdmin, changeByAdmin, questions, withClient } from "../cluster-client.ts";
import { formatConfigs } from "../config-table.ts";
import { collectNameValues, integerFlag, type NameValue } from "../flag-value.ts";
import { globalOptions } from "../global-options.ts";
import { formatPairs, formatTable } from "../table.ts";
import { printJson, printResult } from "../terminal.ts";
import { addPartitionsCommand } from "./topic-add-partitions.ts";
import { alterCommand } from "./topic-alter.ts";
import { deleteRecordsCommand } from "./topic-delete-records.ts";

/** The most partitions that can be asked for; the broker has a bound of its own. */
const PARTITIONS_MAX = 10_000;
const REPLICATION_FACTOR_MAX = 1000;

/** `ropewalk topic …` */
export function topicCommand(): Command {
  return new Command("topic")
    .description("create, list, describe, alter and delete topics, or what is oldest in them")
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(describeCommand())
    .addCommand(alterCommand())
    .addCommand(addPartitionsCommand())
    .addCommand(deleteCommand())
    .addCommand(deleteRecordsCommand());
}

interface CreateOptions {
  readonly partitions?: number;
  readonly replicationFactor?: number;
  readonly config?: readonly NameValue[];
  readonly dryRun?: boolean;
}

function createCommand(): Command {
  return new Command("create")
    .description("create a topic")
    .argument("<name>", "1–249 of a–z A–Z 0–9 . _ -")
    .option(
      "-p, --partitions <count>",
      "how many partitions (default: the cluster's)",
      integerFlag(1, PARTITIONS_MAX),
    )
    .option(
      "-r, --replication-factor <count>",
      "on how many brokers each is kept (default: the cluster's)",
      integerFlag(1, REPLICATION_FACTOR_MAX),
    )
    .option("-c, --config <key=value>", "a config of the topic; may be repeated", collectNameValues)
    .option("--dry-run", "have the cluster check it, and make nothing")
    .addHelpText(
      "after",
      "\nExample:\n  ropewalk topic create orders -p 3 -r 3 -c max.message.bytes=2097152",
    )
    .action(createTopic);
}

async function createTopic(name: string, options: CreateOptions, command: Command): Promise<void> {
  const globals = globalOptions(command);
  const { dryRun = false } = options;
  const wanted = {
    name,
    partitionCount: options.partitions,
    replicationFactor: options.replicationFactor,
    configs: Object.fromEntries(
      (options.config ?? []).map((config) => [config.name, config.value]),
    ),
  };
  const topic = await changeByAdmin(
    globals,
    { action: `create topic ${name}`, topic: name },
    (admin) => admin.createTopic(wanted, { validateOnly: dryRun }),
  );
  if (globals.format === "json") return printJson(topic);
  const replicas = topic.partitions[0]?.replicaIds.length ?? 0;
  await printResult(
    `${dryRun ? "would create" : "created"} topic ${name}: partitions ${topic.partitions.length}, replication factor ${replicas}\n`,
  );
}

function listCommand(): Command {
  return new Command("list")
    .alias("ls")
    .description("list the topics")
    .option("--internal", "show those that the cluster keeps for itself, too")
    .addHelpText("after", "\nExample:\n  ropewalk topic list --format json")
    .action(async (options: { internal?: boolean }, command: Command) => {
      const globals = globalOptions(command);
      const topics = await askAdmin(globals, { action: "list topics" }, (admin) =>
        admin.listTopics({ includeInternal: options.internal === true }),
      );
      if (globals.format === "json") return printJson(topics);
      const rows = topics.map((topic) => [
        topic.name,
        topic.partitionCount,
        topic.replicationFactor,
      ]);
      await printResult(formatTable(["name", "partitions", "replicas"], rows));
    });
}

function describeCommand(): Command {
  return new Command("describe")
    .description("show a topic, its settings and its partitions")
    .argument("<name>", "the topic")
    .option("-c, --print-configs", "show every config, with value, source and default")
    .addHelpText("after", "\nExample:\n  ropewalk topic describe orders --print-configs")
    .action(async (name: string, options: { printConfigs?: boolean }, command: Command) => {
      const globals = globalOptions(command);
      const attempted = { action: `describe topic ${name}`, topic: name };
      if (options.printConfigs === true) {
        const configs = await askAdmin(globals, attempted, (admin) =>
          admin.describeConfigs({ kind: "topic", name }),
        );
        if (globals.format === "json") return printJson(configs);
        return printResult(formatConfigs(configs));
      }
      const topic = await withClient(globals, attempted, async (client) => {
        const description = await questions(client).describeTopic(name);
        const { withOffsets } = await import("../topic-offsets.ts");
        return { ...description, partitions: await withOffsets(client, description) };
      });
      if (globals.format === "json") return printJson(topic);
      const configs = Object.entries(topic.configs).map(([key, value]) => `${key}=${value}`);
      const pairs: [string, string | number][] = [
        ["name", topic.name],
        ["id", topic.topicId],
        ["partitions", topic.partitions.length],
        ["settings", configs.length === 0 ? "defaults" : configs.join(" ")],
      ];
      const rows = topic.partitions.map((partition) => [
        partition.partition,
        partition.leaderId === 0 ? "none" : partition.leaderId,
        partition.leaderEpoch,
        partition.startOffset ?? "-",
        partition.endOffset ?? "-",
        partition.replicaIds.join(","),
      ]);
      const headings = ["partition", "leader", "epoch", "start", "end", "replicas"];
      await printResult(`${formatPairs(pairs)}\n${formatTable(headings, rows)}`);
    });
}

function deleteCommand(): Command {
  return new Command("delete")
    .description("delete a topic and everything in it, for ever")
    .argument("<name>", "the topic")
    .option("--dry-run", "make sure that there is one of that name, and delete nothing")
    .addHelpText("after", "\nExample:\n  ropewalk topic delete orders")
    .action(async (name: string, { dryRun = false }: { dryRun?: boolean }, command: Command) => {
      const globals = globalOptions(command);
      const attempted = { action: `delete topic ${name}`, topic: name };
      if (dryRun) {
        const { partitions } = await askAdmin(globals, attempted, (admin) =>
          admin.describeTopic(name),
        );
        if (globals.format === "json") return printJson({ deleted: name, dryRun });
        const { length } = partitions;
        return printResult(`would delete topic ${name} with its ${length} partitions\n`);
      }
      await changeByAdmin(globals, attempted, (admin) => admin.deleteTopic(name));
      if (globals.format === "json") return printJson({ deleted: name });
      await printResult(`deleted topic ${name}\n`);
    });
}
