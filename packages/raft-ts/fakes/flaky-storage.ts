import type { Entry } from "../src/entry.ts";
import { MemoryStorage } from "../src/memory-storage.ts";
import type { Snapshot } from "../src/snapshot.ts";
import type { Prng } from "./prng.ts";

/** What is durable on one simulated disk. Some reads must wait for the disk. */
export class FlakyStorage extends MemoryStorage {
  pendingProbability = 0;
  /** Whether a read that was answered "pending" is under way. */
  fetching = false;
  #fetched = false;
  /** Makes a snapshot of the state machine as it is now. */
  makeSnapshot: () => void = () => {};
  readonly #prng: Prng;

  constructor(prng: Prng, ...rest: ConstructorParameters<typeof MemoryStorage>) {
    super(...rest);
    this.#prng = prng;
  }

  /** The read that was under way is done; the next one finds its entries. */
  finishFetch(): void {
    this.fetching = false;
    this.#fetched = true;
  }

  /** A snapshot for a peer is made when it is asked for, so that it knows the peer as a member. */
  override snapshot(): Snapshot | "unavailable" {
    if (this.#prng.chance(this.pendingProbability)) return "unavailable";
    this.makeSnapshot();
    return super.snapshot();
  }

  /** The newest snapshot that exists. */
  latestSnapshot(): Snapshot | "unavailable" {
    return super.snapshot();
  }

  override entries(
    startIndex: number,
    endIndex: number,
    bytesMax: number,
  ): readonly Entry[] | "compacted" | "unavailable" | "pending" {
    if (!this.#fetched && this.#prng.chance(this.pendingProbability)) {
      this.fetching = true;
      return "pending";
    }
    this.#fetched = false;
    return super.entries(startIndex, endIndex, bytesMax);
  }
}
