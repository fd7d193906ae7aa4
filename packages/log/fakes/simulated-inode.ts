import type { SeededRandom } from "./seeded-random.ts";

const sectorBytes = 512;

/** A write that no sync has covered yet. */
export interface UnsyncedWrite {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** The content of a simulated file: as the process sees it, and as it is after a power cut. */
export class SimulatedInode {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #durable: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #unsynced: UnsyncedWrite[] = [];

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  /** A copy of what the process sees. */
  bytes(): Uint8Array {
    return this.#bytes.slice();
  }

  /** Changes bits, as rot on the platter does. */
  flip(position: number, mask: number): void {
    this.#bytes[position] = (this.#bytes[position] ?? 0) ^ mask;
    this.#durable[position] = this.#bytes[position] ?? 0;
  }

  write(position: number, bytes: Uint8Array): void {
    this.#bytes = overlaid(this.#bytes, position, bytes);
    this.#unsynced.push({ position, bytes: bytes.slice() });
  }

  read(position: number, target: Uint8Array): number {
    const piece = this.#bytes.subarray(position, position + target.length);
    target.set(piece);
    return piece.length;
  }

  truncate(sizeBytes: number): void {
    const cut = new Uint8Array(sizeBytes);
    cut.set(this.#bytes.subarray(0, sizeBytes));
    this.#bytes = cut;
    this.#durable = cut.slice();
  }

  /** The writes a sync that begins now will cover. */
  unsynced(): readonly UnsyncedWrite[] {
    return [...this.#unsynced];
  }

  /** Makes writes durable. */
  sync(covered: readonly UnsyncedWrite[]): void {
    for (const { position, bytes } of covered) {
      this.#durable = overlaid(this.#durable, position, bytes);
    }
    this.forget(covered);
  }

  /** A failed sync: the writes are called clean, and lost. */
  forget(covered: readonly UnsyncedWrite[]): void {
    const gone = new Set(covered);
    this.#unsynced = this.#unsynced.filter((write) => !gone.has(write));
  }

  /** Keeps what is durable, and of each unsynced write any subset of its sectors. */
  crash(random: SeededRandom): void {
    const keptPercent = [0, 20, 50, 90, 100][random.integer(5)] ?? 50;
    for (const { position, bytes } of this.#unsynced) {
      for (let at = 0; at < bytes.length;) {
        const length = sectorBytes - ((position + at) % sectorBytes);
        const sector = bytes.subarray(at, at + length);
        if (random.chance(keptPercent)) {
          this.#durable = overlaid(this.#durable, position + at, sector);
        }
        at += length;
      }
    }
    this.#bytes = this.#durable.slice();
    this.#unsynced = [];
  }
}

/** `under` with `bytes` at `position`; grown with zeros where needed. Changes `under` where it is long enough. */
function overlaid(
  under: Uint8Array<ArrayBuffer>,
  position: number,
  bytes: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const end = position + bytes.length;
  let target = under;
  if (end > under.length) {
    target = new Uint8Array(end);
    target.set(under);
  }
  target.set(bytes, position);
  return target;
}
