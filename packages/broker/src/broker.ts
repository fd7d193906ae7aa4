import type { Listener, Runtime } from "@ropewalk/runtime";
import { BrokerNode } from "./broker-node.ts";
import { type BrokerStorage, openBrokerStorage } from "./broker-storage.ts";
import { ByteBudget } from "./byte-budget.ts";
import { type BrokerConfig, type BrokerLimits, defaultBrokerLimits } from "./config.ts";
import { type ClientDoor, GrpcDoor, type GrpcDoorOptions } from "./grpc/grpc-door.ts";
import { grpcServices } from "./grpc/grpc-services.ts";
import type { HeldBytes } from "./held-bytes.ts";
import { HealthReport } from "./health/health-report.ts";
import { openHttpDoor } from "./http-door.ts";
import { supportedFeatureLevels } from "./controller/feature-level.ts";
import type { BrokerRegistration } from "./controller/broker-registration.ts";
import type { PeerHello } from "./peer/hello.ts";
import { createMetrics } from "./metrics.ts";
import { peerQueues } from "./peer/peer-config.ts";
import { PeerNetwork } from "./peer/peer-network.ts";
import type { BrokerPorts } from "./ports.ts";
import type { RaftObserver } from "./raft/raft-observer.ts";
import { directoryFault } from "./membership/directory-fault.ts";
import { Registration } from "./membership/registration.ts";
import { repairController } from "./snapshot/controller-repair.ts";
import { brokerVersion } from "./version.ts";

/** How long a stop waits for other brokers to take over what this one leads. */
const handOverMs = 500;

/** What a broker does with its process, where that is not a process of its own. */
export interface BrokerHost {
  /** Opens the door for clients; default: gRPC over TCP. */
  readonly openDoor: (options: GrpcDoorOptions) => Promise<ClientDoor>;
  /** Whether the process itself is measured, too. */
  readonly hasProcessMetrics: boolean;
  /** Sees what the Raft groups do; for simulations. */
  readonly raftObserver?: RaftObserver | undefined;
}

const ownProcess: BrokerHost = {
  openDoor: (options) => GrpcDoor.open(options),
  hasProcessMetrics: true,
};

/** One node of a cluster. */
export class Broker {
  readonly config: BrokerConfig;
  /** Resolves once the broker is registered with a controller and so can serve. */
  readonly ready: Promise<void>;
  readonly #runtime: Runtime;
  readonly #host: BrokerHost;
  readonly #limits: BrokerLimits;
  readonly #storage: BrokerStorage;
  readonly #node: BrokerNode;
  readonly #produceBudget: ByteBudget;
  readonly #becameReady = Promise.withResolvers<void>();
  #peers: PeerNetwork | undefined;
  #door: ClientDoor | undefined;
  #http: Listener | undefined;
  #registration: Registration | undefined;
  #foundController = false;
  /** What the brokers that it was told of say they belong to. */
  readonly #seenClusters = new Map<number, string>();
  #toldFault: string | undefined;
  #failure: string | undefined;
  #clusterId: string;
  #stopping: Promise<void> | undefined;

  private constructor(
    config: BrokerConfig,
    runtime: Runtime,
    host: BrokerHost,
    storage: BrokerStorage,
  ) {
    this.config = config;
    this.#host = host;
    this.ready = this.#becameReady.promise;
    this.#runtime = runtime;
    this.#limits = { ...defaultBrokerLimits, ...config.limits };
    this.#storage = storage;
    this.#produceBudget = new ByteBudget(this.#limits.produceInFlightBytesMax);
    this.#node = new BrokerNode({
      config,
      limits: this.#limits,
      runtime,
      storage,
      peers: () => this.#startedPeers(),
      isReady: () => this.isReady(),
      storageFailed: () => {
        this.#failure =
          "the journal's disk failed; see the log, and restart the broker when it is mended";
      },
      imageChanged: () => this.#imageChanged(),
      raftObserver: host.raftObserver,
    });
    const { clusterId } = this.#node.machine.image;
    this.#clusterId = clusterId || storage.identity.clusterId;
  }

  /**
   * Starts a broker: opens its data directory, listens on its ports, takes its place in the cluster. It
   * resolves when the doors are open; `ready` says when there is a cluster behind them. Rejects where the
   * directory or a port cannot be had, after giving back what it had taken.
   */
  static async start(
    config: BrokerConfig,
    runtime: Runtime,
    host: BrokerHost = ownProcess,
  ): Promise<Broker> {
    const logger = runtime.logger.child({ broker: config.brokerId });
    const world = { ...runtime, logger };
    const claim = {
      brokerId: config.brokerId,
      bootstrapIds: config.bootstrap.map(({ brokerId }) => brokerId).toSorted((a, b) => a - b),
    };
    const storage = await openBrokerStorage(world, config.dataDirectory, claim, config.log);
    let broker: Broker | undefined;
    try {
      const limits = { ...defaultBrokerLimits, ...config.limits };
      await repairController({ config, limits, runtime: world, storage });
      broker = new Broker(config, world, host, storage);
      await broker.#open();
      return broker;
    } catch (error) {
      await (broker?.stop() ?? storage.close());
      throw error;
    }
  }

  /** Whether this broker can serve. */
  isReady(): boolean {
    return this.#notReady() === undefined;
  }

  /** What its budget for producers and its lanes to and from peers hold by now: nothing when all is done. */
  heldBytes(): readonly HeldBytes[] {
    const { bytesHeld: bytes, bytesMax } = this.#produceBudget;
    const produced = { purpose: "record batches of producers", bytes, bytesMax };
    return [produced, ...(this.#peers?.heldBytes() ?? [])];
  }

  /** Stops cleanly: ends calls, finishes writes, notes what was applied, gives everything back. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #open(): Promise<void> {
    this.#peers = await this.#startPeers();
    const ports = this.#ports();
    const metrics = createMetrics({
      host: this.#node.host,
      rebuilding: this.#node.rebuilding,
      replicas: this.#node.replicas,
      peers: this.#peers,
      store: this.#storage.log,
      isReady: () => this.isReady(),
      fitness: () => this.#node.fitness,
      hasProcessMetrics: this.#host.hasProcessMetrics,
    });
    const { clock, logger } = this.#runtime;
    const services = grpcServices({
      ports,
      clock,
      logger,
      limits: this.#limits,
      produceBudget: this.#produceBudget,
      appended: (bytes) => metrics.appendedBytes.inc(bytes),
      fetched: (bytes) => metrics.fetchedBytes.inc(bytes),
    });
    const { listen } = this.config.client;
    this.#door = await this.#host.openDoor({ listen, services, clock, limits: this.#limits });
    this.#http = await openHttpDoor({
      runtime: this.#runtime,
      listen: this.config.http.listen,
      registry: metrics.registry,
      failure: () => this.#failure,
      notReady: () => this.#notReady(),
    });
    const registration = await this.#registrationAt(this.#door.port);
    await this.#node.start(registration);
    this.#register(registration);
  }

  #startPeers(): Promise<PeerNetwork> {
    const { brokerId, bootstrap, peer, peerVersions } = this.config;
    const { host, caller } = this.#node;
    const queueBytesMax = peerQueues(this.#limits.peerQueueBytesMax);
    const versions = peerVersions === undefined ? {} : { versions: peerVersions };
    const starting = PeerNetwork.start({
      runtime: this.#runtime,
      brokerId,
      directoryId: this.#storage.identity.directoryId,
      listen: peer.listen,
      advertise: peer.advertise,
      clusterId: () => this.#clusterId,
      onAddressSaid: (id, address) => this.#node.membership.addressSaid(id, address),
      addressOf: (id) => this.#node.membership.addressOf(id),
      verifyPeer: (hello) => this.#peerFault(hello),
      isStranger: (id, directoryId) => this.#isStranger(id, directoryId),
      enteredIndex: () => this.#storage.identity.enteredIndex,
      isNewer: (enteredIndex) => this.#isNewer(enteredIndex),
      onNewerSeen: (id) => host.peerReplaced(id),
      onMemberSeen: (id, clusterId) => this.#node.membership.clusterSeen(id, clusterId),
      onClusterSeen: (id, clusterId) => this.#clusterSeen(id, clusterId),
      config: { queueBytesMax, ...versions },
      onRaftMessages: (from, messages, batches) => host.receive(from, messages, batches),
      onRequest: (from, method, body, isStranger) =>
        caller.answer(from, String(method), body, isStranger),
      onUnreachable: (id) => this.#node.unreachable(id),
      onProcessEnded: (id) => host.processEnded(id),
      onSnapshotStatus: (id, key, _message, outcome) => host.snapshotSent(id, key, outcome),
    });
    return starting.then((peers) => {
      const { image } = this.#node.machine;
      const others = bootstrap.filter((other) => other.brokerId !== brokerId);
      for (const other of others)
        if (!image.isRemoved(other.brokerId)) peers.connect(other.brokerId);
      return peers;
    });
  }

  #startedPeers(): PeerNetwork {
    if (this.#peers === undefined) throw new Error("the peer network is not started yet");
    return this.#peers;
  }

  /** One that lost its data may come and ask to be taken in; nobody else under the name of another. */
  #peerFault(hello: PeerHello): string | undefined {
    return hello.openedBy === "peer" ? undefined : directoryFault(this.#node.machine, hello);
  }

  /** Whether a broker was taken in later than this one knows of: what this one knows of its name is older. */
  #isNewer(enteredIndex: number | undefined): boolean {
    return (enteredIndex ?? 0) > this.#node.machine.appliedIndex;
  }

  #isStranger(brokerId: number, directoryId: string): boolean {
    const { brokers, removedDirectories } = this.#node.machine.image;
    const known = brokers.get(brokerId);
    if (known === undefined) return removedDirectories.has(directoryId);
    return known.directoryId !== directoryId;
  }

  async #registrationAt(clientPort: number): Promise<BrokerRegistration> {
    const { brokerId, client, dataDirectory, featureLevels, peer, rack } = this.config;
    const port = client.advertise.port === 0 ? clientPort : client.advertise.port;
    const { directoryId, startCount } = this.#storage.identity;
    return {
      brokerId,
      directoryId,
      client: { host: client.advertise.host, port },
      peer: peer.advertise,
      rack,
      version: brokerVersion,
      startCount,
      diskCapacityBytes: await this.#runtime.disk.totalBytes(dataDirectory),
      featureLevels: featureLevels ?? supportedFeatureLevels,
    };
  }

  #register(registration: BrokerRegistration): void {
    this.#registration = new Registration({
      registration,
      image: this.#node.machine.image,
      controller: this.#node.controllerClient,
      clock: this.#runtime.clock,
      logger: this.#runtime.logger,
    });
    this.#registration.start();
    this.#imageChanged();
  }

  #imageChanged(): void {
    const { clusterId } = this.#node.machine.image;
    if (clusterId !== "" && clusterId !== this.#clusterId) {
      this.#clusterId = clusterId;
      if (clusterId !== this.#storage.identity.clusterId) this.#keepClusterId(clusterId);
    }
    if (this.isReady()) this.#becameReady.resolve();
  }

  #keepClusterId(clusterId: string): void {
    const { logger } = this.#runtime;
    this.#storage.changeIdentity({ clusterId }).catch((error: unknown) => {
      logger.warn("the cluster id could not be noted; the next start learns it again", { error });
    });
  }

  #notReady(): string | undefined {
    if (this.#stopping !== undefined) return "stopping";
    if (this.#failure !== undefined) return this.#failure;
    const fault = this.#node.membership.fault ?? this.#foreignFault();
    if (fault !== undefined) return fault;
    if (this.#registration?.refusal !== undefined) return this.#registration.refusal.message;
    if (this.#registration?.isDone() !== true) return this.#notRegistered();
    // A broker that comes back must have found the cluster again. That the controller goes away later
    // says nothing of this broker.
    this.#foundController ||= this.#node.view.controllerId() !== 0;
    return this.#foundController ? undefined : "no controller is known yet";
  }

  #notRegistered(): string {
    const isKnown = this.#node.machine.image.brokers.has(this.config.brokerId);
    const isAlone = isKnown && this.#node.view.controllerId() === 0;
    return isAlone ? "no controller is known yet" : "not registered with a controller yet";
  }

  #clusterSeen(brokerId: number, clusterId: string): void {
    if (clusterId === "" || brokerId === this.config.brokerId) return;
    this.#seenClusters.set(brokerId, clusterId);
    if (this.isReady()) this.#becameReady.resolve();
    const fault = this.#foreignFault();
    if (fault === undefined || fault === this.#toldFault) return;
    this.#toldFault = fault;
    this.#runtime.logger.error("this broker has the data of another cluster", { reason: fault });
  }

  /**
   * Why this broker has no place among those that it was told of: more of them belong to another cluster than to its
   * own. A single stranger among its peers says nothing against it.
   */
  #foreignFault(): string | undefined {
    const { bootstrap, dataDirectory } = this.config;
    if (this.#clusterId === "") return undefined;
    const seen = bootstrap.flatMap(({ brokerId }) => {
      const clusterId = this.#seenClusters.get(brokerId);
      return clusterId === undefined ? [] : [{ brokerId, clusterId }];
    });
    const foreign = seen.filter(({ clusterId }) => clusterId !== this.#clusterId);
    const [first] = foreign;
    if (first === undefined || seen.length - foreign.length >= foreign.length) return undefined;
    return `${dataDirectory} has the data of cluster ${this.#clusterId}, and broker ${first.brokerId} of --peers belongs to cluster ${first.clusterId}; name the peers of its own cluster, or give it an empty directory to join the other`;
  }

  #ports(): BrokerPorts {
    const node = this.#node;
    return {
      partitions: node.replicas,
      topics: node.topics,
      brokers: node.brokers,
      features: node.brokers,
      reassignments: node.reassignments,
      configs: node.configs,
      groups: node.groups,
      cluster: node.view,
      health: new HealthReport({
        brokerId: this.config.brokerId,
        clock: this.#runtime.clock,
        fitness: () => node.fitness,
        isDiskFull: () => this.#storage.log.isFull,
        isDiskFailed: () => this.#storage.log.failed !== undefined,
        notReady: () => this.#notReady(),
        led: () => node.replicas.led(),
        absentReplicaCount: () => node.replicas.absentCount,
      }),
      producerIds: node.producerIds,
      isReady: () => this.isReady(),
      isExcluded: () => node.membership.exclusion !== undefined,
    };
  }

  async #stop(): Promise<void> {
    this.#registration?.stop();
    // Clients are sent away before their calls end, and leadership before its holder.
    if (this.#peers !== undefined) await this.#node.host.handOver(handOverMs);
    await this.#attempt("close the gRPC door", () => this.#door?.close());
    await this.#attempt("stop the replicas", () => this.#node.stop());
    await this.#attempt("close the peer network", () => this.#peers?.close());
    await this.#attempt("close the HTTP door", () => this.#http?.close());
    await this.#storage.close();
  }

  /** One step of a stop: what fails must not keep the others from giving back what they hold. */
  async #attempt(what: string, step: () => Promise<void> | undefined): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#runtime.logger.error("a step of the stop failed", { what, error });
    }
  }
}
