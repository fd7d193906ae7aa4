import type { ProducerIds } from "../ports.ts";

/** Ids asked for at a time. Those that are left when the broker stops are never used. */
export const producerIdsPerBlock = 1000;

/** Gives out producer ids from blocks that the controller allocates. */
export class ProducerIdPool implements ProducerIds {
  readonly #allocate: (count: number) => Promise<number>;
  #nextId = 0;
  #endId = 0;
  #allocating: Promise<void> | undefined;

  /** `allocate` answers the first id of a new block. */
  constructor(allocate: (count: number) => Promise<number>) {
    this.#allocate = allocate;
  }

  async next(): Promise<number> {
    while (this.#nextId === this.#endId) {
      this.#allocating ??= this.#refill();
      await this.#allocating;
    }
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }

  async #refill(): Promise<void> {
    try {
      const firstId = await this.#allocate(producerIdsPerBlock);
      this.#nextId = firstId;
      this.#endId = firstId + producerIdsPerBlock;
    } finally {
      this.#allocating = undefined;
    }
  }
}
