import { RopewalkError } from "@ropewalk/protocol";
import { peerService } from "@ropewalk/protocol/internal";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { ControllerClient } from "../controller/controller-client.ts";
import { registrationMessage } from "../controller/broker-codec.ts";
import type { BrokerRegistration } from "../controller/broker-registration.ts";
import type { MetadataImage } from "../controller/metadata-image.ts";

/** What registering needs. */
export interface RegistrationOptions {
  readonly registration: BrokerRegistration;
  readonly image: MetadataImage;
  readonly controller: ControllerClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

const retryMs = 500;

/** Makes itself known to the controller, and keeps at it until the metadata says so. */
export class Registration {
  readonly #options: RegistrationOptions;
  #timer: Timer | undefined;
  #refusal: RopewalkError | undefined;
  #stopped = false;

  constructor(options: RegistrationOptions) {
    this.#options = options;
  }

  /** The controller does not want this broker; what it said. */
  get refusal(): RopewalkError | undefined {
    return this.isDone() ? undefined : this.#refusal;
  }

  /** Whether the metadata has this broker as it is now. */
  isDone(): boolean {
    const { image, registration } = this.#options;
    const known = image.brokers.get(registration.brokerId);
    return known !== undefined && sameRegistration(known, registration);
  }

  start(): void {
    if (this.#stopped || this.isDone()) return;
    const { clock, controller, logger, registration } = this.#options;
    const request = { broker: registrationMessage(registration) };
    controller.call(peerService.registerBroker, request).catch((error: unknown) => {
      if (this.#stopped) return;
      if (error instanceof RopewalkError && error.code === "INVALID_REQUEST") {
        this.#refusal = error;
        logger.error("the controller refuses this broker", { error });
      } else {
        logger.debug("this broker could not be registered yet", { error });
      }
      this.#timer = clock.setTimer(retryMs, () => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }
}

function sameRegistration(a: BrokerRegistration, b: BrokerRegistration): boolean {
  return (
    a.directoryId === b.directoryId &&
    a.rack === b.rack &&
    a.version === b.version &&
    a.startCount === b.startCount &&
    a.diskCapacityBytes === b.diskCapacityBytes &&
    a.featureLevels.min === b.featureLevels.min &&
    a.featureLevels.max === b.featureLevels.max &&
    a.client.host === b.client.host &&
    a.client.port === b.client.port &&
    a.peer.host === b.peer.host &&
    a.peer.port === b.peer.port
  );
}
