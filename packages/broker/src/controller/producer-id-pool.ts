import { RopewalkError } from "@ropewalk/protocol";
import type { Clock } from "@ropewalk/runtime";
import type { Patience, ProducerIds } from "../ports.ts";
import { settledWithin } from "../settled-within.ts";

/** Ids asked for at a time. Those that are left when the broker stops are never used. */
export const producerIdsPerBlock = 1000;

/** Gives out producer ids from blocks that the controller allocates. */
export class ProducerIdPool implements ProducerIds {
  readonly #clock: Clock;
  readonly #allocate: (count: number) => Promise<number>;
  #nextId = 0;
  #endId = 0;
  #allocating: Promise<void> | undefined;

  /** `allocate` answers the first id of a new block. */
  constructor(clock: Clock, allocate: (count: number) => Promise<number>) {
    this.#clock = clock;
    this.#allocate = allocate;
  }

  async next({ timeoutMs }: Patience = {}): Promise<number> {
    const endMs = this.#clock.monotonicMs() + (timeoutMs ?? Infinity);
    while (this.#nextId === this.#endId) {
      // All who wait share one block: it is asked for with this broker's patience, whoever needs it first.
      this.#allocating ??= this.#refill();
      const leftMs = Math.max(1, endMs - this.#clock.monotonicMs());
      const waitMs = timeoutMs === undefined ? undefined : leftMs;
      await settledWithin(this.#clock, waitMs, this.#allocating, () => noIds(timeoutMs));
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

function noIds(timeoutMs: number | undefined): RopewalkError {
  const message = `Cannot give out a producer id: the controller gave none within ${Math.round(timeoutMs ?? 0)} ms`;
  return new RopewalkError("LEADER_NOT_AVAILABLE", message);
}
