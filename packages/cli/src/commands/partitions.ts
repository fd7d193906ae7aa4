import { Command } from "commander";

import { cancelCommand } from "./partitions-cancel.ts";
import { listReassignmentsCommand } from "./partitions-list-reassignments.ts";
import { reassignCommand } from "./partitions-reassign.ts";

/** `ropewalk partitions …` */
export function partitionsCommand(): Command {
  return new Command("partitions")
    .description("move the replicas of partitions between brokers, and change how many there are")
    .addCommand(reassignCommand())
    .addCommand(listReassignmentsCommand())
    .addCommand(cancelCommand());
}
