import { peerService } from "@ropewalk/protocol";
import { dutyMessage } from "./controller/broker-codec.ts";
import type { BrokerDuty } from "./controller/broker-life.ts";
import type { ControllerClient } from "./controller/controller-client.ts";
import type { BrokerAdmin, Principal } from "./ports.ts";

/** Has the controller do what an admin wants of brokers. */
export class ForwardedBrokers implements BrokerAdmin {
  readonly #controller: ControllerClient;

  constructor(controller: ControllerClient) {
    this.#controller = controller;
  }

  drain(_principal: Principal, brokerId: number, dryRun: boolean): Promise<void> {
    return this.#change(brokerId, "drained", dryRun);
  }

  undrain(_principal: Principal, brokerId: number, dryRun: boolean): Promise<void> {
    return this.#change(brokerId, "serving", dryRun);
  }

  decommission(_principal: Principal, brokerId: number, dryRun: boolean): Promise<void> {
    return this.#change(brokerId, "decommissioned", dryRun);
  }

  async #change(brokerId: number, duty: BrokerDuty, dryRun: boolean): Promise<void> {
    const request = { brokerId, duty: dutyMessage(duty), dryRun };
    await this.#controller.call(peerService.changeBrokerDuty, request);
  }
}
