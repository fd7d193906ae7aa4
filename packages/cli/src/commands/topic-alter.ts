import { Command } from "commander";

import { addAlterationFlags, type AlterationFlags } from "../config-alterations.ts";
import { globalOptions } from "../global-options.ts";
import { alterConfigs } from "./config-alter.ts";

/** `ropewalk topic alter` */
export function alterCommand(): Command {
  return addAlterationFlags(new Command("alter"))
    .alias("alter-config")
    .description("set configs of a topic, or go back to defaults; all at once, or nothing")
    .argument("<name>", "the topic")
    .addHelpText(
      "after",
      `
What runs follows at once; nothing is restarted. All configs: ropewalk config describe --topic NAME --docs

Example:
  ropewalk topic alter orders --set retention.ms=86400000 --delete segment.bytes --dry-run`,
    )
    .action((name: string, flags: AlterationFlags, command: Command) =>
      alterConfigs(globalOptions(command), { kind: "topic", name }, flags),
    );
}
