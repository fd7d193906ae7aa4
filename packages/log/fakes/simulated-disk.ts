import { type Disk, DiskError, type DiskFile, type DiskLock } from "@ropewalk/runtime";
import type { SeededRandom } from "./seeded-random.ts";
import { SimulatedInode } from "./simulated-inode.ts";

/** The operations that can be made to fail, and at which a disk can be made to die. */
export type DiskOperation =
  | "write"
  | "read"
  | "datasync"
  | "create"
  | "rename"
  | "remove"
  | "syncDirectory";

type Names = Map<string, SimulatedInode>;
type NameChange = (names: Names) => void;

/**
 * A disk in memory, for tests, that forgets what was not synced. `crash` keeps of every unsynced
 * write any subset of its sectors, and any subset of the unsynced changes of names. Operations take
 * a number of turns that the seed decides, so that what overlaps really does.
 */
export class SimulatedDisk implements Disk {
  readonly #random: SeededRandom;
  #names: Names = new Map();
  #durableNames: Names = new Map();
  #unsyncedNames: NameChange[] = [];
  readonly #locked = new Set<string>();
  readonly #failures = new Map<DiskOperation, DiskError>();
  #operationsLeft = Number.POSITIVE_INFINITY;
  /** What the disk says that it has left. */
  bytesFree: number = Number.MAX_SAFE_INTEGER;
  /** How often each operation was called. */
  readonly counts: Map<DiskOperation, number> = new Map();

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Lets `count` more changing operations begin; the one after that, and all later ones, fail. */
  dieAfter(count: number): void {
    this.#operationsLeft = count;
  }

  /** Makes the next operation of this kind fail. A failed sync loses what it was to sync. */
  failNext(operation: DiskOperation, error: DiskError): void {
    this.#failures.set(operation, error);
  }

  /** The power goes and comes back. Files that were open must not be used any more. */
  crash(): void {
    const names = new Map(this.#durableNames);
    for (const change of this.#unsyncedNames) if (this.#random.chance(50)) change(names);
    for (const inode of new Set(names.values())) inode.crash(this.#random);
    this.#restart(names);
  }

  /** Only the process dies: what it wrote is still there. */
  restartProcess(): void {
    this.#restart(this.#names);
  }

  /** The paths of all files, sorted. */
  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** A copy of the bytes of a file. */
  bytesOf(path: string): Uint8Array {
    return this.#inode(path).bytes();
  }

  /** Damages a durable byte. */
  flip(path: string, position: number, mask: number): void {
    this.#inode(path).flip(position, mask);
  }

  join(...parts: string[]): string {
    return parts.join("/");
  }

  async makeDirectory(_path: string): Promise<void> {
    await this.#turns();
  }

  async list(path: string): Promise<string[]> {
    await this.#turns();
    const prefix = `${path}/`;
    const inside = this.paths().filter((name) => name.startsWith(prefix));
    return inside.map((name) => name.slice(prefix.length));
  }

  async exists(path: string): Promise<boolean> {
    await this.#turns();
    return this.#names.has(path);
  }

  async open(path: string, _access: "read" | "read-write"): Promise<DiskFile> {
    await this.#turns();
    return new SimulatedFile(this, path, this.#inode(path));
  }

  async create(path: string): Promise<DiskFile> {
    await this.begin("create");
    if (this.#names.has(path)) throw new DiskError("EXISTS", `${path} exists`);
    const inode = new SimulatedInode();
    this.#changeNames((names) => names.set(path, inode));
    return new SimulatedFile(this, path, inode);
  }

  replaceFile(_path: string, _bytes: Uint8Array): Promise<void> {
    return Promise.reject(new Error("not simulated"));
  }

  async readFile(path: string): Promise<Uint8Array> {
    await this.begin("read");
    return this.#inode(path).bytes();
  }

  async rename(from: string, to: string): Promise<void> {
    await this.begin("rename");
    const inode = this.#inode(from);
    this.#changeNames((names) => names.delete(from) && names.set(to, inode));
  }

  async remove(path: string): Promise<void> {
    await this.begin("remove");
    this.#inode(path);
    this.#changeNames((names) => names.delete(path));
  }

  async freeBytes(_path: string): Promise<number> {
    await this.#turns();
    return this.bytesFree;
  }

  async syncDirectory(_path: string): Promise<void> {
    // As with `datasync`: what is changed while it runs is not promised.
    const covered = new Set(this.#unsyncedNames);
    await this.begin("syncDirectory");
    for (const change of this.#unsyncedNames) if (covered.has(change)) change(this.#durableNames);
    this.#unsyncedNames = this.#unsyncedNames.filter((change) => !covered.has(change));
  }

  async lockDirectory(path: string, owner: string): Promise<DiskLock> {
    await this.#turns();
    if (this.#locked.has(path)) throw new DiskError("LOCKED", `${path} is locked by ${owner}`);
    this.#locked.add(path);
    return {
      release: async () => {
        await this.#turns();
        this.#locked.delete(path);
      },
    };
  }

  /** Counts an operation, waits its turns, and fails where that was asked for. */
  async begin(operation: DiskOperation): Promise<void> {
    this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1);
    await this.#turns();
    const failure = this.#failures.get(operation);
    this.#failures.delete(operation);
    if (failure !== undefined) throw failure;
    if (operation === "read") return;
    if (this.#operationsLeft <= 0) throw new DiskError("IO", "the simulated disk died");
    this.#operationsLeft--;
  }

  #restart(names: Names): void {
    this.#names = names;
    this.#durableNames = new Map(names);
    this.#unsyncedNames = [];
    this.#locked.clear();
    this.#failures.clear();
    this.#operationsLeft = Number.POSITIVE_INFINITY;
  }

  #changeNames(change: NameChange): void {
    change(this.#names);
    this.#unsyncedNames.push(change);
  }

  #inode(path: string): SimulatedInode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw new DiskError("NOT_FOUND", `${path} does not exist`);
    return inode;
  }

  async #turns(): Promise<void> {
    for (let left = this.#random.integer(6); left >= 0; left--) await Promise.resolve();
  }
}

class SimulatedFile implements DiskFile {
  readonly path: string;
  readonly #disk: SimulatedDisk;
  readonly #inode: SimulatedInode;

  constructor(disk: SimulatedDisk, path: string, inode: SimulatedInode) {
    this.#disk = disk;
    this.path = path;
    this.#inode = inode;
  }

  async write(position: number, buffers: readonly Uint8Array[]): Promise<void> {
    const bytes = Buffer.concat(buffers);
    try {
      await this.#disk.begin("write");
    } catch (error) {
      // What failed may have been written in part.
      this.#inode.write(position, bytes.subarray(0, bytes.length >> 1));
      throw error;
    }
    this.#inode.write(position, bytes);
  }

  async read(position: number, target: Uint8Array): Promise<number> {
    await this.#disk.begin("read");
    return this.readSync(position, target);
  }

  readSync(position: number, target: Uint8Array): number {
    return this.#inode.read(position, target);
  }

  async datasync(): Promise<void> {
    const covered = this.#inode.unsynced();
    try {
      await this.#disk.begin("datasync");
    } catch (error) {
      this.#inode.forget(covered);
      throw error;
    }
    this.#inode.sync(covered);
  }

  async truncate(sizeBytes: number): Promise<void> {
    await this.#disk.begin("write");
    this.#inode.truncate(sizeBytes);
  }

  async sizeBytes(): Promise<number> {
    return Promise.resolve(this.#inode.sizeBytes);
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}
