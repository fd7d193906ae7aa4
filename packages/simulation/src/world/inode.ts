import type { SeededRandom } from "./seeded-random.ts";

const sectorBytes = 512;

/** A write that no sync has covered. */
export interface UnsyncedWrite {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** The content of a file: as processes see it, and as the platter has it. */
export class Inode {
  #seen = new Bytes();
  readonly #durable = new Bytes();
  #unsynced: UnsyncedWrite[] = [];
  /** Grows with every change. */
  writeCount = 0;

  get sizeBytes(): number {
    return this.#seen.length;
  }

  /** A copy of what processes see. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#seen.slice();
  }

  read(position: number, target: Uint8Array): number {
    return this.#seen.read(position, target);
  }

  write(position: number, bytes: Uint8Array): void {
    this.writeCount++;
    this.#seen.write(position, bytes);
    this.#unsynced.push({ position, bytes: bytes.slice() });
  }

  /** Cuts or grows the file; the size is durable at once, as in a file system's journal. */
  truncate(sizeBytes: number): void {
    this.writeCount++;
    this.#seen.truncate(sizeBytes);
    this.#durable.truncate(sizeBytes);
    const left = this.#unsynced.filter(({ position }) => position < sizeBytes);
    this.#unsynced = left.map(({ bytes, position }) => ({
      position,
      bytes: bytes.subarray(0, sizeBytes - position),
    }));
  }

  /** The writes that a sync which begins now covers. */
  unsynced(): readonly UnsyncedWrite[] {
    return [...this.#unsynced];
  }

  sync(covered: readonly UnsyncedWrite[]): void {
    for (const { bytes, position } of covered) this.#durable.write(position, bytes);
    this.forget(covered);
  }

  /** A sync that failed: the system calls the pages clean, and they are lost with the power. */
  forget(covered: readonly UnsyncedWrite[]): void {
    const gone = new Set(covered);
    this.#unsynced = this.#unsynced.filter((write) => !gone.has(write));
  }

  /** The power goes: of each unsynced write any of its sectors stay. */
  losePower(random: SeededRandom): void {
    const kept = random.pick([0, 0.2, 0.5, 0.9, 1]);
    for (const { bytes, position } of this.#unsynced) {
      for (let at = 0; at < bytes.length;) {
        const length = sectorBytes - ((position + at) % sectorBytes);
        if (random.chance(kept)) {
          this.#durable.write(position + at, bytes.subarray(at, at + length));
        }
        at += length;
      }
    }
    this.#seen = this.#durable.copy();
    this.#unsynced = [];
  }

  /** Changes bits where they lie. */
  rot(position: number, mask: number): void {
    const one = new Uint8Array(1);
    this.#seen.read(position, one);
    const changed = Uint8Array.of((one[0] ?? 0) ^ mask);
    this.#seen.write(position, changed);
    this.#durable.write(position, changed);
  }
}

/** Bytes that grow in steps. */
class Bytes {
  #bytes = new Uint8Array(0);
  length = 0;

  read(position: number, target: Uint8Array): number {
    const piece = this.#bytes.subarray(position, Math.min(position + target.length, this.length));
    target.set(piece);
    return piece.length;
  }

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(bytes, position);
    this.length = Math.max(this.length, end);
  }

  truncate(length: number): void {
    if (length > this.#bytes.length) this.#grow(length);
    this.#bytes.fill(0, length);
    this.length = length;
  }

  slice(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.length);
  }

  copy(): Bytes {
    const copy = new Bytes();
    copy.#bytes = this.slice();
    copy.length = this.length;
    return copy;
  }

  #grow(length: number): void {
    const grown = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
