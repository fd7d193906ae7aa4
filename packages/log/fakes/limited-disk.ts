import {
  type ComposedFile,
  type Disk,
  type DiskAccess,
  DiskError,
  type DiskFile,
  type DiskLock,
} from "@ropewalk/runtime";
import { PlainComposedFile } from "./composed-file.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";

/** What a file takes of the disk, whatever it is called. */
interface Extent {
  bytes: number;
}

/**
 * A simulated disk that holds only so much: a write that needs more room than is left takes what there is and
 * rejects with FULL, and its handle takes nothing more, as that of a real file does. Overwriting needs no room.
 */
export class LimitedDisk implements Disk {
  readonly #disk: SimulatedDisk;
  readonly #extents = new Map<string, Extent>();
  /** What the disk can hold in all. */
  capacityBytes: number;
  /** Writes that found no room. */
  refusals = 0;

  constructor(disk: SimulatedDisk, capacityBytes: number) {
    this.#disk = disk;
    this.capacityBytes = capacityBytes;
    this.remount();
  }

  /** What is left; negative where somebody else took more. */
  get bytesLeft(): number {
    let bytes = this.capacityBytes;
    for (const extent of this.#extents.values()) bytes -= extent.bytes;
    return bytes;
  }

  /** After the simulated disk has lost its power. */
  remount(): void {
    this.#extents.clear();
    for (const path of this.#disk.paths()) {
      this.#extents.set(path, { bytes: this.#disk.bytesOf(path).length });
    }
  }

  join(...parts: string[]): string {
    return this.#disk.join(...parts);
  }

  makeDirectory(path: string): Promise<void> {
    return this.#disk.makeDirectory(path);
  }

  list(path: string): Promise<string[]> {
    return this.#disk.list(path);
  }

  exists(path: string): Promise<boolean> {
    return this.#disk.exists(path);
  }

  async open(path: string, access: DiskAccess): Promise<DiskFile> {
    const file = await this.#disk.open(path, access);
    return new LimitedFile(this, file, this.#extentOf(path));
  }

  async create(path: string): Promise<DiskFile> {
    const file = await this.#disk.create(path);
    return new LimitedFile(this, file, this.#extentOf(path));
  }

  compose(path: string, which: "new" | "existing"): ComposedFile {
    return new PlainComposedFile(this, path, which);
  }

  replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    return this.#disk.replaceFile(path, bytes);
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.#disk.readFile(path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#disk.rename(from, to);
    this.#extents.set(to, this.#extentOf(from));
    this.#extents.delete(from);
  }

  async remove(path: string): Promise<void> {
    await this.#disk.remove(path);
    this.#extents.delete(path);
  }

  freeBytes(_path: string): Promise<number> {
    return Promise.resolve(Math.max(0, this.bytesLeft));
  }

  totalBytes(_path: string): Promise<number> {
    return Promise.resolve(this.capacityBytes);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#disk.syncDirectory(path);
  }

  lockDirectory(path: string, owner: string): Promise<DiskLock> {
    return this.#disk.lockDirectory(path, owner);
  }

  #extentOf(path: string): Extent {
    const extent = this.#extents.get(path) ?? { bytes: 0 };
    this.#extents.set(path, extent);
    return extent;
  }
}

class LimitedFile implements DiskFile {
  readonly path: string;
  readonly #disk: LimitedDisk;
  readonly #file: DiskFile;
  readonly #extent: Extent;
  #failure: DiskError | undefined;

  constructor(disk: LimitedDisk, file: DiskFile, extent: Extent) {
    this.path = file.path;
    this.#disk = disk;
    this.#file = file;
    this.#extent = extent;
  }

  async write(position: number, buffers: readonly Uint8Array[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const bytes = Buffer.concat(buffers);
    const needed = Math.max(0, position + bytes.length - this.#extent.bytes);
    const taken = Math.min(needed, Math.max(0, this.#disk.bytesLeft));
    this.#extent.bytes += taken;
    if (taken === needed) {
      await this.#file.write(position, [bytes]);
      return;
    }
    this.#disk.refusals += 1;
    this.#failure = new DiskError("FULL", `no space left for ${needed} bytes of ${this.path}`);
    const kept = bytes.subarray(0, Math.max(0, bytes.length - (needed - taken)));
    if (kept.length > 0) await this.#file.write(position, [kept]);
    throw this.#failure;
  }

  async datasync(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await this.#file.datasync();
  }

  async truncate(sizeBytes: number): Promise<void> {
    await this.#file.truncate(sizeBytes);
    this.#extent.bytes = sizeBytes;
  }

  read(position: number, target: Uint8Array): Promise<number> {
    return this.#file.read(position, target);
  }

  readSync(position: number, target: Uint8Array): number {
    return this.#file.readSync(position, target);
  }

  sizeBytes(): Promise<number> {
    return this.#file.sizeBytes();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
