import { RopewalkError } from "@ropewalk/protocol";
import { peerService } from "@ropewalk/protocol/internal";
import type { Clock, Logger } from "@ropewalk/runtime";
import type { BrokerLimits } from "../config.ts";
import type { ControllerClient } from "../controller/controller-client.ts";
import type { MetadataImage, TopicImage } from "../controller/metadata-image.ts";
import type { LeaderTable } from "../leadership/leader-table.ts";
import type { RemoteCaller } from "../remote-caller.ts";
import { GroupRouter, groupsTopic } from "./group-router.ts";

/** What finding the coordinators of groups needs. */
export interface GroupsTopicOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: BrokerLimits;
  readonly caller: RemoteCaller;
  readonly controller: ControllerClient;
  readonly image: MetadataImage;
  readonly leaders: LeaderTable;
}

/** A router to the leaders of the internal topic that keeps consumer groups, which is made when it is first needed. */
export function openGroupRouter(options: GroupsTopicOptions): GroupRouter {
  const { controller, image, leaders, limits } = options;
  const topic = (): TopicImage | undefined => image.topics.get(groupsTopic);
  return new GroupRouter({
    ...options,
    partitionCount: () => topic()?.partitions.length ?? 0,
    leaderOf: (partition) => {
      const groupId = topic()?.partitions[partition]?.groupId;
      return groupId === undefined ? 0 : (leaders.get(groupId)?.leaderId ?? 0);
    },
    createTopic: () => createGroupsTopic(controller, limits.groupPartitionCount),
    timeoutMs: limits.forwardTimeoutMs,
  });
}

/** Has the controller make the internal topic that keeps consumer groups, where nobody has yet. */
async function createGroupsTopic(
  controller: ControllerClient,
  partitionCount: number,
): Promise<void> {
  const topic = { name: groupsTopic, partitionCount, internal: true };
  try {
    await controller.call(peerService.placeTopic, topic);
  } catch (error) {
    // Somebody else needed it at the same time.
    if (!(error instanceof RopewalkError) || error.code !== "TOPIC_ALREADY_EXISTS") throw error;
  }
}
