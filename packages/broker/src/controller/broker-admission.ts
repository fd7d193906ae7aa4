import { RopewalkError } from "@ropewalk/protocol";
import type { BrokerLifeKeeper } from "./broker-life-keeper.ts";
import type { ControllerMembership } from "./controller-membership.ts";
import { featureLevelFault } from "./feature-level.ts";
import type { BrokerRegistration } from "./broker-registration.ts";
import type { MetadataCommand } from "./metadata-command.ts";
import type { ApplyOutcome, MetadataImage } from "./metadata-image.ts";

/** Everybody is told of all brokers, and connects to them. */
const brokersMax = 1000;

/** What taking brokers in needs. */
export interface BrokerAdmissionOptions {
  readonly image: MetadataImage;
  readonly life: Pick<BrokerLifeKeeper, "featuresChanged" | "isHeard" | "registered">;
  readonly membership: Pick<ControllerMembership, "makeEmptyLearner">;
  /** Throws NOT_LEADER where this broker is not the controller. */
  readonly expectLeading: (action: string) => void;
  readonly propose: (action: string, command: MetadataCommand) => Promise<ApplyOutcome>;
}

/** Takes brokers into the cluster, at the controller. */
export class BrokerAdmission {
  readonly #options: BrokerAdmissionOptions;

  constructor(options: BrokerAdmissionOptions) {
    this.#options = options;
  }

  /**
   * Takes a broker in that has its data, or its new addresses. Rejects with INVALID_REQUEST where the broker has
   * another data directory, or one that was removed from the cluster.
   */
  async register(broker: BrokerRegistration): Promise<void> {
    await this.#register(broker, "");
  }

  /**
   * Takes a broker in that has no data: a new one, or one that lost its disk and comes back as a new incarnation. What
   * that one had acknowledged counts no more once this resolves, and it does not vote, so that it may fetch the
   * metadata. Rejects with BUSY as long as the incarnation before is heard.
   */
  async enter(broker: BrokerRegistration): Promise<void> {
    const { brokerId, directoryId } = broker;
    const { expectLeading, image, life, membership } = this.#options;
    const action = `take in broker ${brokerId}`;
    expectLeading(action);
    this.#expectNotRemoved(action, broker);
    const known = image.brokers.get(brokerId);
    if (known !== undefined && known.directoryId !== directoryId && life.isHeard(brokerId)) {
      throw new RopewalkError(
        "BUSY",
        `Cannot ${action} with data directory ${directoryId}: it lives with data directory ${known.directoryId}; stop that one, or give this one an id of its own`,
      );
    }
    this.#expectRoom(action, brokerId);
    // One that cannot come must not be a member, or what waits for all members would wait for ever.
    this.#expectLevel(action, broker);
    // Only once it votes no more may it come back: then nothing is decided with votes that it forgot. That a majority
    // knows on disk that it does not is settled by the registration's entry, which is committed before this resolves.
    await membership.makeEmptyLearner(brokerId);
    await this.#register(broker, known?.directoryId ?? "");
  }

  async #register(broker: BrokerRegistration, replacedDirectoryId: string): Promise<void> {
    const { image, life, propose } = this.#options;
    const action = `register broker ${broker.brokerId}`;
    this.#expectNotRemoved(action, broker);
    this.#expectRoom(action, broker.brokerId);
    if (image.brokers.get(broker.brokerId)?.directoryId === broker.directoryId) {
      life.registered(broker);
    }
    const command = { kind: "brokerRegistered", broker, replacedDirectoryId } as const;
    const outcome = await propose(action, command);
    if (outcome.kind !== "refused") return life.featuresChanged();
    this.#expectNotRemoved(action, broker);
    this.#expectLevel(action, broker);
    throw new RopewalkError(
      "INVALID_REQUEST",
      `Cannot ${action}: it belongs to another data directory (${image.brokers.get(broker.brokerId)?.directoryId}, not ${broker.directoryId}); give this one an id of its own`,
    );
  }

  #expectLevel(action: string, { featureLevels }: BrokerRegistration): void {
    const fault = featureLevelFault(featureLevels, this.#options.image.featureLevel);
    if (fault === undefined) return;
    throw new RopewalkError("INVALID_REQUEST", `Cannot ${action}: ${fault}`);
  }

  #expectRoom(action: string, brokerId: number): void {
    const { brokers } = this.#options.image;
    if (brokers.has(brokerId) || brokers.size < brokersMax) return;
    const message = `Cannot ${action}: the cluster has ${brokersMax} brokers, which are the most`;
    throw new RopewalkError("POLICY_VIOLATION", message);
  }

  #expectNotRemoved(action: string, { directoryId }: BrokerRegistration): void {
    const { image } = this.#options;
    const removedId = image.removedDirectories.get(directoryId)?.brokerId;
    if (removedId === undefined) return;
    throw new RopewalkError(
      "INVALID_REQUEST",
      `Cannot ${action}: data directory ${directoryId} was broker ${removedId}, which was removed from cluster ${image.clusterId}; empty the directory to come back as a new broker`,
    );
  }
}
