import { crc32c } from "@ropewalk/protocol";
import type { Clock } from "@ropewalk/runtime";
import type { Chunk } from "./segment-chunk.ts";

/** For how long a chunk need not be verified again. */
const verifiedForMs = 10_000;

/** So many chunks are remembered: 16 GiB of history. */
const chunksMax = 16_384;

/** What a batch's own checksum leaves out: base offset, length, leader epoch, magic and the checksum itself. */
const unsealedBytes = 21;

/** A chunk that was verified. */
interface Verified {
  readonly untilMs: number;
  readonly headsCrc: number;
}

/**
 * The chunks whose data this process has read and verified within the last ten seconds. Many consumers read the same
 * history, one shortly after the other, and the checksum is most of what a chunk costs that is in the system's memory.
 * What rots within them is noticed by consumers, who check each batch, and by the next one who verifies; what
 * a batch's checksum does not cover is compared every time.
 */
export class VerifiedLately {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #chunks = new Map<string, Verified>();

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** Whether a chunk was verified within the last ten seconds. */
  has(name: string): boolean {
    return (this.#chunks.get(name)?.untilMs ?? -Infinity) > this.#clock.monotonicMs();
  }

  /** Whether what was read just now begins its batches as what was verified did. */
  isSame(name: string, chunk: Chunk): boolean {
    return this.#chunks.get(name)?.headsCrc === headsCrc(chunk);
  }

  /** A chunk was verified now. */
  add(name: string, chunk: Chunk): void {
    const untilMs = this.#clock.monotonicMs() + verifiedForMs;
    this.#chunks.delete(name);
    this.#chunks.set(name, { untilMs, headsCrc: headsCrc(chunk) });
    for (const [oldest] of this.#chunks) {
      if (this.#chunks.size <= chunksMax) break;
      this.#chunks.delete(oldest);
    }
  }

  /** Damage was found: nothing is believed of the chunk any more. */
  delete(name: string): void {
    this.#chunks.delete(name);
  }
}

function headsCrc({ entries }: Chunk): number {
  let crc = 0;
  for (const { data } of entries) crc = crc32c(data, 0, Math.min(unsealedBytes, data.length), crc);
  return crc;
}
