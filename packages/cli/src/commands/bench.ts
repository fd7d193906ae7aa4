import { Command } from "commander";

import { benchConsumeCommand } from "./bench-consume.ts";
import { benchProduceCommand } from "./bench-produce.ts";

/** `ropewalk bench …` */
export function benchCommand(): Command {
  return new Command("bench")
    .description("measure your own cluster, with the flags of Kafka's performance tools")
    .addCommand(benchProduceCommand())
    .addCommand(benchConsumeCommand());
}
