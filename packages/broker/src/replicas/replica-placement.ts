import type { Logger } from "@ropewalk/runtime";
import type { ApplyOutcome, AssignmentChange, TopicImage } from "../controller/metadata-image.ts";
import type { ReplicaSet } from "./replica-set.ts";

/** The part of the replicas that the metadata has a say in. */
type PlacedReplicas = Pick<ReplicaSet, "topicCreated" | "topicDeleted" | "reassigned">;

/** Starts and removes the replicas on this broker that a change of the metadata puts here, or takes away. */
export function placeReplicas(
  replicas: PlacedReplicas,
  outcome: ApplyOutcome,
  logger: Logger,
): void {
  if (outcome.kind === "topicCreated" || outcome.kind === "topicGrown") {
    replicas.topicCreated(outcome.topic);
  } else if (outcome.kind === "topicDeleted") {
    removeTopic(replicas, outcome.topic, logger);
  } else if (outcome.kind === "partitionsReassigned") {
    for (const change of outcome.changes) reassign(replicas, change, logger);
  }
}

/** Removes the replicas of a topic that is deleted. */
export function removeTopic(
  replicas: Pick<ReplicaSet, "topicDeleted">,
  topic: TopicImage,
  logger: Logger,
): void {
  replicas.topicDeleted(topic).catch((error: unknown) => {
    logger.error("the replicas of a deleted topic could not be removed", {
      topic: topic.name,
      error,
    });
  });
}

function reassign(replicas: PlacedReplicas, change: AssignmentChange, logger: Logger): void {
  const where = { topic: change.topic.name, partition: change.partition.partition };
  replicas.reassigned(change).catch((error: unknown) => {
    logger.error("a replica that has left could not be removed", { ...where, error });
  });
}
