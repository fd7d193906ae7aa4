import type { SeededRandom } from "./seeded-random.ts";

const sectorBytes = 512;

/** A write that no sync has covered yet. */
export interface UnsyncedWrite {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** What of a file a power cut would find, and what it may find beyond. */
export interface InodeSnapshot {
  readonly durable: Uint8Array<ArrayBuffer>;
  readonly unsynced: readonly UnsyncedWrite[];
}

/** Which bytes of an unsynced write stay: pieces of it. */
export type KeptPieces = (write: UnsyncedWrite) => Iterable<UnsyncedWrite>;

/** The content of a simulated file: as the process sees it, and as it is after a power cut. */
export class SimulatedInode {
  #bytes: Uint8Array<ArrayBuffer>;
  #durable: Uint8Array<ArrayBuffer>;
  #unsynced: UnsyncedWrite[] = [];
  /** Somebody else has the same arrays: whoever changes one copies it first. */
  #isShared = { bytes: false, durable: false };

  constructor(durable: Uint8Array<ArrayBuffer> = new Uint8Array(0)) {
    this.#bytes = durable;
    this.#durable = durable;
    if (durable.length > 0) this.#isShared = { bytes: true, durable: true };
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  /** A copy of what the process sees. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice();
  }

  /** Changes bits, as rot on the platter does. */
  flip(position: number, mask: number): void {
    const changed = Uint8Array.of((this.#bytes[position] ?? 0) ^ mask);
    this.#overlayBytes(position, changed);
    this.#overlayDurable(position, changed);
  }

  write(position: number, bytes: Uint8Array): UnsyncedWrite {
    this.#overlayBytes(position, bytes);
    const write = { position, bytes: bytes.slice() };
    this.#unsynced.push(write);
    return write;
  }

  read(position: number, target: Uint8Array): number {
    const piece = this.#bytes.subarray(position, position + target.length);
    target.set(piece);
    return piece.length;
  }

  truncate(sizeBytes: number): void {
    const cut = new Uint8Array(sizeBytes);
    cut.set(this.#bytes.subarray(0, sizeBytes));
    this.replace(cut);
  }

  /** Makes something else of the file, on the platter too. */
  replace(bytes: Uint8Array): void {
    this.#bytes = Uint8Array.from(bytes);
    this.#durable = this.#bytes.slice();
    this.#isShared = { bytes: false, durable: false };
  }

  /** The writes a sync that begins now will cover. */
  unsynced(): readonly UnsyncedWrite[] {
    return [...this.#unsynced];
  }

  /** Makes writes durable. */
  sync(covered: readonly UnsyncedWrite[]): void {
    for (const { position, bytes } of covered) this.#overlayDurable(position, bytes);
    this.forget(covered);
  }

  /** A failed sync: the writes are called clean, and lost. */
  forget(covered: readonly UnsyncedWrite[]): void {
    const gone = new Set(covered);
    this.#unsynced = this.#unsynced.filter((write) => !gone.has(write));
  }

  /** What is durable now and what is not, for as long as anybody wants it. */
  snapshot(): InodeSnapshot {
    this.#isShared.durable = true;
    return { durable: this.#durable, unsynced: [...this.#unsynced] };
  }

  /** Keeps what is durable, and of each unsynced write what `keep` answers. */
  crash(keep: KeptPieces): void {
    for (const write of this.#unsynced) {
      for (const { position, bytes } of keep(write)) this.#overlayDurable(position, bytes);
    }
    this.#bytes = this.#durable;
    this.#isShared = { bytes: true, durable: true };
    this.#unsynced = [];
  }

  /** The file after a power cut at the moment of a snapshot. */
  static crashed({ durable, unsynced }: InodeSnapshot, keep: KeptPieces): SimulatedInode {
    const inode = new SimulatedInode(durable);
    inode.#unsynced = [...unsynced];
    inode.crash(keep);
    return inode;
  }

  #overlayBytes(position: number, bytes: Uint8Array): void {
    this.#bytes = overlaid(this.#bytes, position, bytes, this.#isShared.bytes);
    this.#isShared.bytes = false;
  }

  #overlayDurable(position: number, bytes: Uint8Array): void {
    this.#durable = overlaid(this.#durable, position, bytes, this.#isShared.durable);
    this.#isShared.durable = false;
  }
}

/** Any subset of a write's sectors, with odds of its own for each file. */
export function anySectors(random: SeededRandom): KeptPieces {
  const keptPercent = [0, 20, 50, 90, 100][random.integer(5)] ?? 50;
  return function* keep({ position, bytes }) {
    for (let at = 0; at < bytes.length;) {
      const length = sectorBytes - ((position + at) % sectorBytes);
      if (random.chance(keptPercent)) {
        yield { position: position + at, bytes: bytes.subarray(at, at + length) };
      }
      at += length;
    }
  };
}

/** `under` with `bytes` at `position`; grown with zeros where needed. Changes `under` where it may and is long enough. */
function overlaid(
  under: Uint8Array<ArrayBuffer>,
  position: number,
  bytes: Uint8Array,
  isShared: boolean,
): Uint8Array<ArrayBuffer> {
  const end = position + bytes.length;
  let target = under;
  if (isShared || end > under.length) {
    target = new Uint8Array(Math.max(end, under.length));
    target.set(under);
  }
  target.set(bytes, position);
  return target;
}
