import { RopewalkError } from "@ropewalk/protocol";
import { peerService } from "@ropewalk/protocol/internal";
import type { ControllerClient } from "../controller/controller-client.ts";
import { groupsTopic } from "./group-router.ts";

/** Has the controller make the internal topic that keeps consumer groups, where nobody has yet. */
export async function createGroupsTopic(
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
