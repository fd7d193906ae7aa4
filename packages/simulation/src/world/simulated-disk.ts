import {
  type ComposedFile,
  type Disk,
  type DiskAccess,
  DiskError,
  type DiskFile,
  type DiskLock,
  type FilePiece,
  type FileRange,
  WriteThroughFile,
} from "@ropewalk/runtime";
import type { Inode } from "./inode.ts";
import type { MachineDisk } from "./machine-disk.ts";
import { copyOf } from "./paged-bytes.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Trace } from "./trace.ts";

/** How long operations take. */
export interface DiskSpeed {
  readonly writeMs: number;
  readonly syncMs: number;
  readonly readMs: number;
  readonly bytesPerMs: number;
}

const reserveBytes = 4096;

/** A machine's disk as one process has it. What a process began and did not live to see may have happened, or not. */
export class SimulatedDisk implements Disk {
  readonly #machine: MachineDisk;
  readonly #process: SimulatedProcess;
  readonly #random: SeededRandom;
  readonly #speed: DiskSpeed;
  readonly #trace: Trace;

  constructor(
    machine: MachineDisk,
    process: SimulatedProcess,
    random: SeededRandom,
    speed: DiskSpeed,
    trace: Trace,
  ) {
    this.#machine = machine;
    this.#process = process;
    this.#random = random;
    this.#speed = speed;
    this.#trace = trace;
  }

  join(...parts: string[]): string {
    return parts.join("/");
  }

  makeDirectory(path: string): Promise<void> {
    return this.act("read", 0, () => {
      const parts = path.split("/");
      for (let end = 1; end <= parts.length; end++) {
        this.#machine.directories.add(parts.slice(0, end).join("/"));
      }
    });
  }

  list(path: string): Promise<string[]> {
    return this.act("read", 0, () => {
      const [prefix, names] = [`${path}/`, new Set<string>()];
      for (const name of [...this.#machine.paths(), ...this.#machine.directories]) {
        const [first] = name.startsWith(prefix) ? name.slice(prefix.length).split("/") : [];
        if (first !== undefined && first !== "") names.add(first);
      }
      if (names.size === 0 && !this.#machine.directories.has(path)) throw notFound(path);
      return [...names].toSorted();
    });
  }

  exists(path: string): Promise<boolean> {
    return this.act(
      "read",
      0,
      () => this.#machine.has(path) || this.#machine.directories.has(path),
    );
  }

  async open(path: string, access: DiskAccess): Promise<DiskFile> {
    const file = await this.act("read", 0, () => this.#file(path, this.#machine.inode(path)));
    return access === "write-through" ? new WriteThroughFile(file) : file;
  }

  create(path: string): Promise<DiskFile> {
    return this.act("write", 0, () => this.#file(path, this.#machine.create(path)));
  }

  compose(path: string, which: "new" | "existing"): ComposedFile {
    return new SimulatedComposedFile(this, path, which);
  }

  async replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${path}.tmp`;
    if (this.#machine.has(temporary)) await this.remove(temporary);
    const file = await this.create(temporary);
    await file.write(0, [bytes]);
    await file.datasync();
    await file.close();
    await this.rename(temporary, path);
    await this.syncDirectory(path);
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.act("read", 0, () => this.#machine.inode(path).bytes());
  }

  rename(from: string, to: string): Promise<void> {
    return this.act("write", 0, () => this.#machine.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.act("write", 0, () => this.#machine.remove(path));
  }

  freeBytes(_path: string): Promise<number> {
    return this.act("read", 0, () => this.#freeBytes());
  }

  totalBytes(_path: string): Promise<number> {
    return this.act("read", 0, () => Math.min(this.#machine.bytesMax, Number.MAX_SAFE_INTEGER));
  }

  syncDirectory(_path: string): Promise<void> {
    const covered = this.#machine.unsyncedNames();
    return this.act("sync", 0, () => this.#machine.syncNames(covered));
  }

  lockDirectory(path: string, owner: string): Promise<DiskLock> {
    return this.act("read", 0, () => {
      const { locks } = this.#machine;
      if (locks.get(path)?.isAlive === true) {
        throw new DiskError("LOCKED", `${path} is locked, and ${owner} wants it`);
      }
      locks.set(path, this.#process);
      const release = (): Promise<void> => {
        if (locks.get(path) === this.#process) locks.delete(path);
        return Promise.resolve();
      };
      return { release };
    });
  }

  write(path: string, inode: Inode, position: number, bytes: Uint8Array): Promise<void> {
    const grows = Math.max(0, position + bytes.length - inode.sizeBytes);
    return this.act("write", bytes.length, () => {
      if (grows > 0 && grows > this.#freeBytes()) {
        throw new DiskError("FULL", `Cannot write ${bytes.length} bytes to ${path}: no space left`);
      }
      inode.write(position, bytes);
    });
  }

  sync(path: string, inode: Inode): Promise<void> {
    const covered = inode.unsynced();
    return this.act("sync", 0, () => {
      if (this.#machine.isBroken) {
        inode.forget(covered);
        throw new DiskError("IO", `Cannot sync ${path}: the disk is broken`);
      }
      inode.sync(covered);
      this.#machine.onSynced?.(path);
    });
  }

  #file(path: string, inode: Inode): SimulatedFile {
    return new SimulatedFile(this, path, inode, this.#process.holdings.take("file", path));
  }

  /** Does something after the time that it takes. */
  act<T>(kind: "read" | "write" | "sync", bytes: number, work: () => T): Promise<T> {
    const { promise, reject, resolve } = Promise.withResolvers<T>();
    const { bytesPerMs, readMs, syncMs, writeMs } = this.#speed;
    const base = kind === "read" ? readMs : kind === "write" ? writeMs : syncMs;
    const takesMs = this.#random.between(base / 2, base * 2) + bytes / bytesPerMs;
    const isLuckyIfKilled = this.#random.chance(0.5);
    const forget = this.#process.onDeath((death) => {
      // The system finishes what it had begun, when only the process dies.
      if (death !== "kill" || !isLuckyIfKilled || this.#machine.stallMs > 0) return;
      try {
        work();
      } catch {
        // Nobody is left to hear of it.
      }
    });
    const finish = (): void => {
      forget();
      this.#trace.mark(3, bytes);
      try {
        if (this.#machine.isBroken && kind !== "read") this.#break();
        resolve(work());
      } catch (error) {
        reject(error);
      }
    };
    this.#process.post(takesMs + this.#machine.stallMs, finish);
    return promise;
  }

  #break(): void {
    throw new DiskError("IO", "the disk is broken");
  }

  #freeBytes(): number {
    const { bytesMax } = this.#machine;
    return bytesMax === Number.POSITIVE_INFINITY
      ? Number.MAX_SAFE_INTEGER
      : Math.max(0, bytesMax - this.#machine.usedBytes() - reserveBytes);
  }
}

class SimulatedFile implements DiskFile {
  readonly path: string;
  readonly #disk: SimulatedDisk;
  readonly #inode: Inode;
  readonly #giveBack: () => void;
  #failure: unknown;

  constructor(disk: SimulatedDisk, path: string, inode: Inode, giveBack: () => void) {
    this.#disk = disk;
    this.path = path;
    this.#inode = inode;
    this.#giveBack = giveBack;
  }

  write(position: number, buffers: readonly Uint8Array[]): Promise<void> {
    return this.#orFail(() => this.#disk.write(this.path, this.#inode, position, copyOf(buffers)));
  }

  read(position: number, target: Uint8Array): Promise<number> {
    return this.#disk.act("read", target.length, () => this.#inode.read(position, target));
  }

  readSync(position: number, target: Uint8Array): number {
    return this.#inode.read(position, target);
  }

  datasync(): Promise<void> {
    return this.#orFail(() => this.#disk.sync(this.path, this.#inode));
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#disk.act("write", 0, () => this.#inode.truncate(sizeBytes));
  }

  sizeBytes(): Promise<number> {
    return Promise.resolve(this.#inode.sizeBytes);
  }

  close(): Promise<void> {
    this.#giveBack();
    return Promise.resolve();
  }

  // A file that failed once refuses everything, as the Node version does.
  async #orFail(work: () => Promise<void>): Promise<void> {
    if (this.#failure instanceof Error) throw this.#failure;
    try {
      await work();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }
}

class SimulatedComposedFile implements ComposedFile {
  readonly path: string;
  readonly #disk: SimulatedDisk;
  readonly #which: "new" | "existing";
  #file: DiskFile | undefined;

  constructor(disk: SimulatedDisk, path: string, which: "new" | "existing") {
    this.#disk = disk;
    this.path = path;
    this.#which = which;
  }

  async write(position: number, pieces: readonly FilePiece[]): Promise<void> {
    this.#file ??= await (this.#which === "new"
      ? this.#disk.create(this.path)
      : this.#disk.open(this.path, "read-write"));
    const length = pieces.reduce((sum, piece) => sum + lengthOf(piece), 0);
    // One piece of work for the disk, as for the thread that does it for a real one.
    const bytes = await this.#disk.act("read", length, () => gathered(pieces, length));
    await this.#file.write(position, [bytes]);
  }

  async finish(): Promise<void> {
    if (this.#file === undefined) throw new DiskError("IO", `nothing was written to ${this.path}`);
    await this.#file.datasync();
    await this.#file.close();
  }

  async abandon(): Promise<void> {
    await this.#file?.close();
  }
}

function lengthOf(piece: FilePiece): number {
  return piece instanceof Uint8Array ? piece.length : piece.bytes;
}

function gathered(pieces: readonly FilePiece[], length: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(length);
  let end = 0;
  for (const piece of pieces) {
    const target = bytes.subarray(end, (end += lengthOf(piece)));
    if (piece instanceof Uint8Array) target.set(piece);
    else readInto(target, piece);
  }
  return bytes;
}

function readInto(target: Uint8Array, { bytes, file, position }: FileRange): void {
  const read = file.readSync(position, target);
  if (read < bytes) throw new DiskError("SOURCE", `${file.path} ends before ${position + bytes}`);
}

function notFound(path: string): DiskError {
  return new DiskError("NOT_FOUND", `${path} does not exist`);
}
