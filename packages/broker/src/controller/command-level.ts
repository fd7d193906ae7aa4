import { newcomersLevel } from "./feature-level.ts";
import type { MetadataCommand } from "./metadata-command.ts";

/**
 * The feature level from which on each command may be in the controller's log. A broker that does not know a command
 * passes it over, and would have another image than those that do: so a new command comes with a new level, which the
 * cluster has only once every broker knows it.
 */
export const commandLevels: Readonly<Record<MetadataCommand["kind"], number>> = {
  clusterFormed: 1,
  brokerRegistered: 1,
  topicCreated: 1,
  topicDeleted: 1,
  producerIdsAllocated: 1,
  partitionsReassigned: 1,
  movesStarted: 1,
  moveCompleted: 1,
  moveThrottleSet: 1,
  topicConfigsAltered: 1,
  brokerConfigsAltered: 1,
  partitionsCreated: 1,
  brokerStateChanged: 1,
  featureLevelRaised: 1,
  newcomersSettled: newcomersLevel,
};
