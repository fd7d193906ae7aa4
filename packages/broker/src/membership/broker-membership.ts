import { peerService } from "@ropewalk/protocol/internal";
import type { Address, Clock, Logger } from "@ropewalk/runtime";
import type { BrokerStorage } from "../broker-storage.ts";
import { lostDisk } from "../broker-storage.ts";
import { BrokerHeartbeats } from "./broker-heartbeats.ts";
import { ClusterEntry, type Entered } from "./cluster-entry.ts";
import type { BrokerConfig, BrokerLimits } from "../config.ts";
import { registrationMessage, registrationOf } from "../controller/broker-codec.ts";
import type { Controller } from "../controller/controller.ts";
import type { ControllerMachine } from "../controller/controller-machine.ts";
import type { BrokerRegistration } from "../controller/broker-registration.ts";
import { LeadershipDrainer } from "../leadership/leadership-drainer.ts";
import { MemberConnections } from "./member-connections.ts";
import { PeerAddresses } from "./peer-addresses.ts";
import type { PeerNetwork } from "../peer/peer-network.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { RemoteCaller } from "../remote-caller.ts";

/** What belonging to a cluster needs. */
export interface BrokerMembershipOptions {
  readonly config: BrokerConfig;
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly storage: BrokerStorage;
  readonly machine: ControllerMachine;
  readonly caller: RemoteCaller;
  readonly controllerGroup: () => RaftGroup;
  readonly controller: Controller;
  readonly peers: () => PeerNetwork;
  readonly groups: () => Iterable<RaftGroup>;
  /** Another incarnation has taken a broker's place. */
  readonly peerReplaced: (brokerId: number) => void;
  /** A broker was removed for good. */
  readonly peerRemoved: (brokerId: number) => void;
}

/**
 * This broker as one of a cluster: how it comes to belong to it, what it tells brokers that want to, that it lives, and
 * that it leads nothing while the cluster does not want it to.
 */
export class BrokerMembership {
  readonly #options: BrokerMembershipOptions;
  readonly #entry: ClusterEntry;
  readonly #heartbeats: BrokerHeartbeats;
  readonly #drainer: LeadershipDrainer;
  readonly #connections: MemberConnections;
  readonly #addresses = new PeerAddresses();

  constructor(options: BrokerMembershipOptions) {
    this.#options = options;
    const { caller, clock, config, groups, limits, logger, machine, peers } = options;
    const { brokerId } = config;
    const { image } = machine;
    this.#entry = new ClusterEntry({
      clock,
      logger,
      caller,
      brokerId,
      namedIds: config.bootstrap.map((each) => each.brokerId).toSorted((a, b) => a - b),
      mayForm: config.mayForm !== false,
      graceMs: limits.formationGraceMs,
      callTimeoutMs: limits.forwardTimeoutMs,
      lastHeardMs: (id) => peers().lastHeardMs(id),
    });
    this.#heartbeats = this.#createHeartbeats();
    const intervalMs = limits.drainCheckMs;
    this.#drainer = new LeadershipDrainer({ brokerId, clock, logger, image, groups, intervalMs });
    this.#connections = new MemberConnections({
      brokerId,
      image,
      peers,
      replaced: options.peerReplaced,
      removed: options.peerRemoved,
    });
    this.#answerCalls();
  }

  /** From now on the peer network is there. */
  start(): void {
    this.#connections.open();
    this.#heartbeats.start();
  }

  /** A broker of a cluster has connected to this one. */
  clusterSeen(brokerId: number, clusterId: string): void {
    this.#entry.clusterSeen(brokerId, clusterId);
  }

  /** A broker came, changed, or was removed, or who belongs to the metadata's group changed. */
  brokersChanged(): void {
    this.#connections.update();
  }

  /** Why this broker takes no part in a cluster; `undefined` where it does. */
  get fault(): string | undefined {
    return this.#options.storage.identity.hasJoined ? this.exclusion : this.#entry.reason;
  }

  /** Why the cluster counts this broker as one of its own no more; `undefined` where it may do so. */
  get exclusion(): string | undefined {
    const { machine, storage } = this.#options;
    const { directoryId } = storage.identity;
    return machine.image.removedDirectories.has(directoryId)
      ? `this broker was removed from cluster ${machine.image.clusterId}; stop it`
      : this.#heartbeats.refusal;
  }

  /** A broker has connected to this one, and says where it is reached. */
  addressSaid(brokerId: number, address: Address): void {
    this.#addresses.said(brokerId, address);
  }

  /** Where the peers of a broker reach it, for the next attempt. */
  addressOf(brokerId: number): Address | undefined {
    const { config, machine } = this.#options;
    return this.#addresses.next(brokerId, [
      machine.image.brokers.get(brokerId)?.peer ?? this.#entry.addressOf(brokerId),
      config.bootstrap.find((each) => each.brokerId === brokerId)?.address,
    ]);
  }

  /**
   * Resolves once this broker may take part in its cluster, and that is on its disk: at once where it did before.
   * Answers how it came to it now; `undefined` where it did before, or was stopped.
   */
  async join(registration: BrokerRegistration): Promise<Entered | undefined> {
    const { logger, storage } = this.#options;
    if (storage.identity.hasJoined) return undefined;
    const entered = await this.#entry.run(registration);
    if (entered === undefined) return undefined;
    if (entered.kind === "formed") {
      await storage.changeIdentity({ hasJoined: true });
      return entered;
    }
    const { bootstrapIds, clusterId, index: enteredIndex } = entered;
    await storage.changeIdentity({ hasJoined: true, bootstrapIds, clusterId, enteredIndex });
    // What was here under the same name may have voted: no group that is older than this broker is taken for new.
    storage.log.historyLost(lostDisk);
    logger.info("the cluster has taken this broker in", { clusterId });
    return entered;
  }

  stop(): void {
    this.#entry.stop();
    this.#heartbeats.stop();
    this.#drainer.stop();
    this.#connections.close();
  }

  #createHeartbeats(): BrokerHeartbeats {
    const { caller, clock, config, controllerGroup, limits, logger, machine } = this.#options;
    const { directoryId, startCount } = this.#options.storage.identity;
    return new BrokerHeartbeats({
      clock,
      logger,
      caller,
      brokerId: config.brokerId,
      directoryId,
      startCount,
      controllerId: () => controllerGroup().leaderId,
      appliedIndex: () => machine.appliedIndex,
      isRegistered: () => machine.image.brokers.get(config.brokerId)?.directoryId === directoryId,
      intervalMs: limits.brokerHeartbeatMs,
    });
  }

  #answerCalls(): void {
    const { caller, controller, controllerGroup, machine, storage } = this.#options;
    const { image } = machine;
    caller.handleStrangers(peerService.describeEntry, async () => ({
      clusterId: image.clusterId || storage.identity.clusterId,
      bootstrapIds: storage.identity.bootstrapIds,
      controllerId: controllerGroup().leaderId,
      brokers: [...image.brokers.values()].map(registrationMessage),
    }));
    caller.handleStrangers(peerService.enterCluster, async ({ broker }) => {
      const registration = registrationOf(broker);
      await controller.admission.enter(registration);
      const { learners, voters } = controllerGroup().confState;
      const known = image.brokers.get(registration.brokerId);
      const isKnown = known?.directoryId === registration.directoryId;
      return {
        clusterId: image.clusterId,
        memberIds: [...voters, ...learners],
        bootstrapIds: storage.identity.bootstrapIds,
        // Not that of now: the broker may have been registered long before it heard of it, and got replicas since.
        index: (isKnown ? known.directoryIndex : undefined) ?? machine.appliedIndex,
      };
    });
  }
}
