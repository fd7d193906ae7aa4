import type { MetadataImage } from "../controller/metadata-image.ts";
import type { PeerNetwork } from "../peer/peer-network.ts";

/** What connecting needs. */
export interface MemberConnectionsOptions {
  readonly brokerId: number;
  readonly image: MetadataImage;
  readonly peers: () => Pick<PeerNetwork, "connect" | "disconnect">;
  /** Nothing of the incarnation arrives any more that went by this id; another one does from now on. */
  readonly replaced: (brokerId: number) => void;
  /** Nothing goes to the broker any more, for it was removed. */
  readonly removed: (brokerId: number) => void;
}

/**
 * Connects the brokers of the cluster, so that each hears the other before there is anything to say; ends what there
 * was with those that were removed, and with an incarnation that another one has replaced.
 */
export class MemberConnections {
  readonly #options: MemberConnectionsOptions;
  /** The data directories of the brokers that are connected. */
  readonly #directories = new Map<number, string>();
  #isOpen = false;

  constructor(options: MemberConnectionsOptions) {
    this.#options = options;
  }

  /** From now on the network may be used. */
  open(): void {
    this.#isOpen = true;
    this.update();
  }

  close(): void {
    this.#isOpen = false;
  }

  /** The metadata has changed. */
  update(): void {
    if (!this.#isOpen) return;
    const { brokerId: self, image, peers, replaced } = this.#options;
    for (const [brokerId, directoryId] of this.#directories) {
      if (image.brokers.get(brokerId)?.directoryId === directoryId) continue;
      this.#directories.delete(brokerId);
      peers().disconnect(brokerId);
      if (image.brokers.has(brokerId)) replaced(brokerId);
    }
    this.#forgetRemoved();
    for (const { brokerId, directoryId } of image.brokers.values()) {
      if (brokerId === self || this.#directories.has(brokerId)) continue;
      this.#directories.set(brokerId, directoryId);
      peers().connect(brokerId);
    }
  }

  /** Every time: as long as it is still a member of a group, something may go to it, which opens what was closed. */
  #forgetRemoved(): void {
    const { brokerId: self, image, peers, removed } = this.#options;
    const ids = new Set(image.removedDirectories.values().map(({ brokerId }) => brokerId));
    for (const brokerId of ids) {
      if (brokerId === self || !image.isRemoved(brokerId)) continue;
      peers().disconnect(brokerId);
      removed(brokerId);
    }
  }
}
