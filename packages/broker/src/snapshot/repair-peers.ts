import { RopewalkError } from "@ropewalk/protocol";
import type { Address, Runtime } from "@ropewalk/runtime";
import type { BrokerStorage } from "../broker-storage.ts";
import type { BrokerConfig, BrokerLimits } from "../config.ts";
import type { MetadataImage } from "../controller/metadata-image.ts";
import { directoryFault } from "../membership/directory-fault.ts";
import { PeerAddresses } from "../membership/peer-addresses.ts";
import { PeerNetwork } from "../peer/peer-network.ts";

/** What repairing the metadata's log needs. */
export interface ControllerRepairOptions {
  readonly config: BrokerConfig;
  readonly limits: BrokerLimits;
  readonly runtime: Runtime;
  readonly storage: BrokerStorage;
}

/** The metadata as a broker knows it that cannot hear of more. */
export interface OldMetadata {
  readonly image: MetadataImage;
  readonly appliedIndex: number;
}

/**
 * The other brokers for one whose log of the metadata is damaged. What it knows of them is as old as its last checkpoint,
 * and it hears of nothing newer before it is repaired: so those that came under their names, and to their addresses, since
 * then are believed what they say.
 */
export class RepairPeers {
  readonly #options: ControllerRepairOptions;
  readonly #known: OldMetadata;
  readonly #addresses = new PeerAddresses();
  /** Brokers that said where they are. */
  readonly #heardIds = new Set<number>();
  #network: PeerNetwork | undefined;

  private constructor(options: ControllerRepairOptions, known: OldMetadata) {
    this.#options = options;
    this.#known = known;
  }

  /** Listens at the broker's own address. Rejects where the port cannot be had. */
  static async start(options: ControllerRepairOptions, known: OldMetadata): Promise<RepairPeers> {
    const peers = new RepairPeers(options, known);
    peers.#network = await peers.#listen();
    return peers;
  }

  get network(): PeerNetwork {
    if (this.#network === undefined) throw new Error("the peer network is not started yet");
    return this.#network;
  }

  /** Brokers that may know who leads: of the cluster as it was, and those that have connected. */
  knownIds(): readonly number[] {
    return [...this.#known.image.brokers.keys(), ...this.#heardIds];
  }

  close(): Promise<void> {
    return this.network.close();
  }

  #listen(): Promise<PeerNetwork> {
    const { config, runtime, storage } = this.#options;
    const { brokerId, peer } = config;
    const { directoryId, enteredIndex } = storage.identity;
    const notYet = (): Promise<never> => {
      const message = `Broker ${brokerId} is being repaired`;
      return Promise.reject(new RopewalkError("LEADER_NOT_AVAILABLE", message));
    };
    return PeerNetwork.start({
      runtime,
      brokerId,
      directoryId,
      listen: peer.listen,
      advertise: peer.advertise,
      enteredIndex: () => enteredIndex,
      clusterId: () => this.#known.image.clusterId || storage.identity.clusterId,
      addressOf: (id) => this.#addressOf(id),
      onAddressSaid: (id, address) => {
        this.#heardIds.add(id);
        this.#addresses.said(id, address);
      },
      verifyPeer: (hello) => directoryFault(this.#known, hello),
      onRaftMessages: () => undefined,
      onRequest: notYet,
      onUnreachable: () => undefined,
    });
  }

  #addressOf(brokerId: number): Address | undefined {
    const { bootstrap } = this.#options.config;
    return this.#addresses.next(brokerId, [
      this.#known.image.brokers.get(brokerId)?.peer,
      bootstrap.find((each) => each.brokerId === brokerId)?.address,
    ]);
  }
}
