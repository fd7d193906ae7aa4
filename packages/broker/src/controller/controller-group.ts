import type { Logger, Runtime } from "@ropewalk/runtime";
import type { BrokerStorage } from "../broker-storage.ts";
import type { BrokerLimits } from "../config.ts";
import { openGroupLog } from "../raft/group-storage.ts";
import { RaftGroup } from "../raft/raft-group.ts";
import type { ControllerMachine } from "./controller-machine.ts";
import { controllerVoters } from "./controller-voters.ts";
import { controllerGroupId } from "./metadata-image.ts";

/** What the controller's group is made of. */
export interface ControllerGroupOptions {
  readonly brokerId: number;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly limits: BrokerLimits;
  readonly storage: BrokerStorage;
  readonly machine: ControllerMachine;
  /** What is stored of the metadata's log is not what was written. */
  readonly damaged: (group: RaftGroup) => void;
}

/** This broker's member of the group that decides on the cluster's metadata; it takes part once a host has it. */
export function openControllerGroup(options: ControllerGroupOptions): RaftGroup {
  const { brokerId, damaged, limits, logger, machine, runtime, storage } = options;
  const log = openGroupLog(storage.log, { groupId: controllerGroupId, incarnation: 1 });
  return new RaftGroup({
    brokerId,
    clock: runtime.clock,
    logger,
    log,
    machine,
    ...controllerVoters(storage.identity.bootstrapIds),
    lostThroughIndex: storage.identity.enteredIndex,
    limits,
    damaged: (group, error) => {
      logger.error("the metadata's log is damaged; this broker stays out of it", { error });
      damaged(group);
    },
  });
}
