import { peerService } from "@ropewalk/protocol/internal";
import type { RemoteCaller } from "../remote-caller.ts";
import { dutyOf, registrationOf } from "./broker-codec.ts";
import { topicMessage } from "./metadata-codec.ts";
import type { Controller } from "./controller.ts";

/** Says how the controller answers what brokers ask of it; where this broker is not the controller it refuses. */
export function answerControllerCalls(caller: RemoteCaller, controller: Controller): void {
  caller.handle(peerService.registerBroker, async ({ broker }) => {
    await controller.admission.register(registrationOf(broker));
    return {};
  });
  // It says itself which directory it comes from: one that was removed, or replaced, is told so.
  caller.handleStrangers(peerService.brokerHeartbeat, async (heartbeat) => {
    controller.life.heard(heartbeat);
    return {};
  });
  caller.handle(peerService.changeBrokerDuty, async ({ brokerId, dryRun, duty }) => {
    const outcome = await controller.changeDuty(brokerId, dutyOf(duty), dryRun);
    return outcome.kind === "removed" ? { isRemoved: true } : { ...outcome, isRemoved: false };
  });
  caller.handle(peerService.raiseFeatureLevel, ({ dryRun }) =>
    controller.raiseFeatureLevel(dryRun),
  );
  caller.handle(peerService.placeTopic, async (topic) => ({
    topic: topicMessage(await controller.createTopic(topic, topic.internal, topic.validateOnly)),
  }));
  caller.handle(peerService.growTopic, async ({ name, partitionCount, validateOnly }) => ({
    topic: topicMessage(await controller.growTopic(name, partitionCount, validateOnly)),
  }));
  caller.handle(peerService.removeTopic, async ({ name }) => {
    await controller.deleteTopic(name);
    return {};
  });
  caller.handle(peerService.allocateProducerIds, async ({ count }) => ({
    firstProducerId: await controller.allocateProducerIds(count),
  }));
}
