import { PagedBytes } from "./paged-bytes.ts";
import type { SeededRandom } from "./seeded-random.ts";

const sectorBytes = 512;

/** A write that no sync has covered. */
export interface UnsyncedWrite {
  readonly position: number;
  /** Less, once the file was cut. */
  bytes: Uint8Array;
}

/** The content of a file: as processes see it, and as the platter has it. */
export class Inode {
  readonly #seen = new PagedBytes();
  readonly #durable = new PagedBytes();
  #unsynced: UnsyncedWrite[] = [];
  /** Grows with every change. */
  writeCount = 0;
  /** Writes that no later sync covers: beside those that none covers yet, all in which the two differ. */
  #forgotten: UnsyncedWrite[] = [];

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

  /** Takes `bytes` over: nobody may change them any more. */
  write(position: number, bytes: Uint8Array): void {
    this.writeCount++;
    this.#seen.write(position, bytes);
    this.#unsynced.push({ position, bytes });
  }

  /** Cuts or grows the file; the size is durable at once, as in a file system's journal. */
  truncate(sizeBytes: number): void {
    this.writeCount++;
    this.#seen.truncate(sizeBytes);
    this.#durable.truncate(sizeBytes);
    for (const write of this.#unsynced) {
      write.bytes = write.bytes.subarray(0, Math.max(0, sizeBytes - write.position));
    }
    this.#unsynced = this.#unsynced.filter(({ bytes }) => bytes.length > 0);
  }

  /** The writes that a sync which begins now covers. */
  unsynced(): readonly UnsyncedWrite[] {
    return [...this.#unsynced];
  }

  sync(covered: readonly UnsyncedWrite[]): void {
    for (const { bytes, position } of covered) {
      if (bytes.length > 0) this.#durable.write(position, bytes);
    }
    this.#drop(covered);
  }

  /** A sync that failed: the system calls the pages clean, and they are lost with the power. */
  forget(covered: readonly UnsyncedWrite[]): void {
    this.#forgotten.push(...covered);
    this.#drop(covered);
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
    for (const write of [...this.#forgotten, ...this.#unsynced]) this.#goBack(write);
    this.#seen.truncate(this.#durable.length);
    this.#forgotten = [];
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

  #drop(covered: readonly UnsyncedWrite[]): void {
    // Nearly always the first ones, and all of them.
    if (covered.length === this.#unsynced.length && covered[0] === this.#unsynced[0]) {
      this.#unsynced = [];
      return;
    }
    const gone = new Set(covered);
    this.#unsynced = this.#unsynced.filter((write) => !gone.has(write));
  }

  /** What is durable is seen again where something else was written. */
  #goBack({ bytes, position }: UnsyncedWrite): void {
    const durable = new Uint8Array(bytes.length);
    this.#durable.read(position, durable);
    this.#seen.write(position, durable);
  }
}
