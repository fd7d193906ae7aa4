import { peerService } from "@ropewalk/protocol/internal";
import { dutyMessage } from "../controller/broker-codec.ts";
import type { BrokerDuty } from "../controller/broker-life.ts";
import type { ControllerClient } from "../controller/controller-client.ts";
import type {
  BrokerAdmin,
  BrokerChange,
  BrokerOutcome,
  FeatureAdmin,
  FeatureUpgrade,
  Principal,
} from "../ports.ts";

/** Has the controller do what an admin wants of brokers, and of what they can do together. */
export class ForwardedBrokers implements BrokerAdmin, FeatureAdmin {
  readonly #controller: ControllerClient;

  constructor(controller: ControllerClient) {
    this.#controller = controller;
  }

  drain(_principal: Principal, brokerId: number, options: BrokerChange): Promise<BrokerOutcome> {
    return this.#change(brokerId, "drained", options);
  }

  undrain(_principal: Principal, brokerId: number, options: BrokerChange): Promise<BrokerOutcome> {
    return this.#change(brokerId, "serving", options);
  }

  decommission(
    _principal: Principal,
    brokerId: number,
    options: BrokerChange,
  ): Promise<BrokerOutcome> {
    return this.#change(brokerId, "decommissioned", options);
  }

  upgrade(_principal: Principal, { dryRun, timeoutMs }: BrokerChange): Promise<FeatureUpgrade> {
    return this.#controller.call(peerService.raiseFeatureLevel, { dryRun }, timeoutMs);
  }

  async #change(
    brokerId: number,
    duty: BrokerDuty,
    { dryRun, timeoutMs }: BrokerChange,
  ): Promise<BrokerOutcome> {
    const request = { brokerId, duty: dutyMessage(duty), dryRun };
    const { changeBrokerDuty } = peerService;
    const answer = await this.#controller.call(changeBrokerDuty, request, timeoutMs);
    const { isRemoved, metadataVoterCount } = answer;
    return isRemoved ? { kind: "removed" } : { kind: "changed", metadataVoterCount };
  }
}
