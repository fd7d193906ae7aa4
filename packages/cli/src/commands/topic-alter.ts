import { Command } from "commander";

import { usageError } from "../cli-error.ts";
import { addAlterationFlags, type AlterationFlags } from "../config-alterations.ts";
import { flagValue, integerFlag } from "../flag-value.ts";
import { globalOptions } from "../global-options.ts";
import { parseThrottle } from "../replica-flags.ts";
import { alterConfigs } from "./config-alter.ts";
import { alterReplicationFactor } from "./topic-replication.ts";

/** The broker has a bound of its own. */
const REPLICAS_MAX = 1000;

interface AlterFlags extends AlterationFlags {
  readonly replicationFactor?: number;
  readonly throttle?: number;
  readonly wait?: boolean;
}

/** `ropewalk topic alter` */
export function alterCommand(): Command {
  return addAlterationFlags(new Command("alter"))
    .alias("alter-config")
    .description(
      "set configs of a topic, or give it another number of replicas; all of it, or nothing",
    )
    .argument("<name>", "the topic")
    .option(
      "-r, --replication-factor <count>",
      "how many replicas each partition is to have; the cluster chooses where",
      integerFlag(1, REPLICAS_MAX),
    )
    .option(
      "--throttle <MB/s>",
      "with --replication-factor: what each broker may give or take for moves, from now on",
      flagValue(parseThrottle),
    )
    .option("--wait", "with --replication-factor: end when they have come or gone")
    .addHelpText(
      "after",
      `
What runs follows at once; nothing is restarted. All configs: ropewalk config describe --topic NAME --docs
Replicas come and go while the topic is used: ropewalk partitions list-reassignments

Examples:
  ropewalk topic alter orders --set retention.ms=86400000 --delete segment.bytes --dry-run
  ropewalk topic alter orders --replication-factor 3 --wait`,
    )
    .action((name: string, flags: AlterFlags, command: Command) => {
      const globals = globalOptions(command);
      const { replicationFactor } = flags;
      if (replicationFactor === undefined) {
        if (flags.throttle === undefined && flags.wait === undefined) {
          return alterConfigs(globals, { kind: "topic", name }, flags);
        }
        throw usageError("--throttle and --wait go with --replication-factor");
      }
      if (altersConfigs(flags)) {
        throw usageError("--replication-factor goes alone: alter configs with another call");
      }
      return alterReplicationFactor(globals, name, { ...flags, replicationFactor });
    });
}

function altersConfigs({ append, set, subtract, delete: deleted }: AlterationFlags): boolean {
  return [append, set, subtract, deleted].some((flag) => flag !== undefined);
}
