import type { Clock } from "@ropewalk/runtime";

/** For how long a chunk need not be verified again. */
const verifiedForMs = 60_000;

/** So many chunks are remembered: 16 GiB of history. */
const chunksMax = 16_384;

/**
 * The chunks whose data this process has read and verified within the last minute. Many consumers read the same
 * history, one shortly after the other, and the checksum is most of what a chunk costs that is in the system's memory.
 * What rots within that minute is noticed by consumers, who check each batch, and by the next one who verifies.
 */
export class VerifiedLately {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** Whether a chunk was verified within the last minute. */
  has(name: string): boolean {
    return (this.#untilMs.get(name) ?? -Infinity) > this.#clock.monotonicMs();
  }

  /** A chunk was verified now. */
  add(name: string): void {
    this.#untilMs.delete(name);
    this.#untilMs.set(name, this.#clock.monotonicMs() + verifiedForMs);
    for (const [oldest] of this.#untilMs) {
      if (this.#untilMs.size <= chunksMax) break;
      this.#untilMs.delete(oldest);
    }
  }
}
