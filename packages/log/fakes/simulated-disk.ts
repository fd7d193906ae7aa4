import {
  type ComposedFile,
  type Disk,
  type DiskAccess,
  DiskError,
  type DiskFile,
  type DiskLock,
  WriteThroughFile,
} from "@ropewalk/runtime";
import { PlainComposedFile } from "./composed-file.ts";
import type { SeededRandom } from "./seeded-random.ts";
import {
  anySectors,
  type InodeSnapshot,
  type KeptPieces,
  SimulatedInode,
  type UnsyncedWrite,
} from "./simulated-inode.ts";

/** The operations that can be made to fail, and at which a disk can be made to die. */
export type DiskOperation =
  | "write"
  | "read"
  | "datasync"
  | "open"
  | "create"
  | "rename"
  | "remove"
  | "syncDirectory";

type Names = Map<string, SimulatedInode>;

interface AskedFailure {
  callsLeft: number;
  readonly error: DiskError;
  readonly isMeant: (path: string) => boolean;
}

/** `inode` loses the name `from` and gets the name `to`. */
interface NameChange {
  readonly inode: SimulatedInode;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** Everything that a power cut at one moment could leave. */
export interface DiskSnapshot {
  readonly durableNames: ReadonlyMap<string, SimulatedInode>;
  readonly unsyncedNames: readonly NameChange[];
  readonly contents: ReadonlyMap<SimulatedInode, InodeSnapshot>;
}

/** What a power cut spares of what was not synced. */
export interface PowerCut {
  readonly names: "none" | "all" | "any";
  /** By sectors. */
  readonly writes: "none" | "all" | "any";
  /** Of one write, its first bytes and no more. */
  readonly torn?: { readonly write: UnsyncedWrite; readonly keptBytes: number } | undefined;
}

/** A change of the disk that is about to be made, or was just made; `write` is what was written. */
export type DiskObserver = (
  operation: DiskOperation,
  phase: "before" | "after",
  write?: UnsyncedWrite,
) => void;

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
  readonly #failures = new Map<DiskOperation, AskedFailure>();
  readonly #turnsMax: number;
  #operationsLeft = Number.POSITIVE_INFINITY;
  /** What the disk says that it has left. */
  bytesFree: number = Number.MAX_SAFE_INTEGER;
  /** How often each operation was called. */
  readonly counts: Map<DiskOperation, number> = new Map();

  /** Hears of every change. */
  observer: DiskObserver | undefined = undefined;

  constructor(random: SeededRandom, turnsMax: number = 6) {
    this.#random = random;
    this.#turnsMax = turnsMax;
  }

  /** The disk that a power cut at the moment of a snapshot leaves. The snapshot can be used again. */
  static afterPowerCut(
    { contents, durableNames, unsyncedNames }: DiskSnapshot,
    cut: PowerCut,
    random: SeededRandom,
    turnsMax: number = 6,
  ): SimulatedDisk {
    const disk = new SimulatedDisk(random, turnsMax);
    const names = new Map(durableNames);
    for (const change of unsyncedNames) {
      if (cut.names === "all" || (cut.names === "any" && random.chance(50))) apply(change, names);
    }
    for (const [path, inode] of names) {
      const content = contents.get(inode);
      if (content === undefined) throw new Error(`${path} is not in the snapshot`);
      disk.#names.set(path, SimulatedInode.crashed(content, keptBy(cut, random)));
    }
    disk.#durableNames = new Map(disk.#names);
    return disk;
  }

  /** What is durable now and what is not. */
  snapshot(): DiskSnapshot {
    const contents = new Map<SimulatedInode, InodeSnapshot>();
    const unsyncedNames = [...this.#unsyncedNames];
    const inodes = unsyncedNames.map(({ inode }) => inode);
    for (const inode of [...this.#durableNames.values(), ...inodes]) {
      contents.set(inode, inode.snapshot());
    }
    return { durableNames: new Map(this.#durableNames), unsyncedNames, contents };
  }

  /** Another disk with the same files, everything durable. */
  copy(): SimulatedDisk {
    const copy = new SimulatedDisk(this.#random, this.#turnsMax);
    for (const path of this.paths()) copy.replace(path, this.bytesOf(path));
    return copy;
  }

  /** Lets `count` more changing operations begin; the one after that, and all later ones, fail. */
  dieAfter(count: number): void {
    this.#operationsLeft = count;
  }

  /** Makes the next operation of this kind (on some files) fail. A failed sync loses what it was to sync. */
  failNext(operation: DiskOperation, error: DiskError, isMeant?: (path: string) => boolean): void {
    this.failAfter(operation, 0, error, isMeant);
  }

  /** Makes one operation of this kind fail, after so many that do not. */
  failAfter(
    operation: DiskOperation,
    callsBefore: number,
    error: DiskError,
    isMeant: (path: string) => boolean = () => true,
  ): void {
    this.#failures.set(operation, { callsLeft: callsBefore, error, isMeant });
  }

  /** The power goes and comes back. Files that were open must not be used any more. */
  crash(): void {
    const names = new Map(this.#durableNames);
    for (const change of this.#unsyncedNames) if (this.#random.chance(50)) apply(change, names);
    for (const inode of new Set(names.values())) inode.crash(anySectors(this.#random));
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

  /** Puts a file in the place of what has this name, durably. */
  replace(path: string, bytes: Uint8Array): void {
    const inode = new SimulatedInode(Uint8Array.from(bytes));
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  /** Takes a file away, durably. */
  lose(path: string): void {
    this.#names.delete(path);
    this.#durableNames.delete(path);
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

  async open(path: string, access: DiskAccess): Promise<DiskFile> {
    await this.begin("open", path);
    const file = new SimulatedFile(this, path, this.#inode(path));
    return access === "write-through" ? new WriteThroughFile(file) : file;
  }

  async create(path: string): Promise<DiskFile> {
    await this.begin("create", path);
    if (this.#names.has(path)) throw new DiskError("EXISTS", `${path} exists`);
    const inode = new SimulatedInode();
    this.#changeNames("create", { inode, from: undefined, to: path });
    return new SimulatedFile(this, path, inode);
  }

  compose(path: string, which: "new" | "existing"): ComposedFile {
    return new PlainComposedFile(this, path, which);
  }

  replaceFile(_path: string, _bytes: Uint8Array): Promise<void> {
    return Promise.reject(new Error("not simulated"));
  }

  async readFile(path: string): Promise<Uint8Array> {
    await this.begin("read", path);
    return this.#inode(path).bytes();
  }

  async rename(from: string, to: string): Promise<void> {
    await this.begin("rename", from);
    const inode = this.#inode(from);
    this.#changeNames("rename", { inode, from, to });
  }

  async remove(path: string): Promise<void> {
    await this.begin("remove", path);
    this.#changeNames("remove", { inode: this.#inode(path), from: path, to: undefined });
  }

  async freeBytes(_path: string): Promise<number> {
    await this.#turns();
    return this.bytesFree;
  }

  async totalBytes(_path: string): Promise<number> {
    await this.#turns();
    return this.bytesFree;
  }

  async syncDirectory(path: string): Promise<void> {
    // As with `datasync`: what is changed while it runs is not promised.
    const covered = new Set(this.#unsyncedNames);
    await this.begin("syncDirectory", path);
    for (const change of covered) apply(change, this.#durableNames);
    this.#unsyncedNames = this.#unsyncedNames.filter((change) => !covered.has(change));
    this.observer?.("syncDirectory", "after");
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
  async begin(operation: DiskOperation, path: string): Promise<void> {
    this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1);
    await this.#turns();
    this.#failWhereAsked(operation, path);
    if (operation === "read" || operation === "open") return;
    if (this.#operationsLeft <= 0) throw new DiskError("IO", "the simulated disk died");
    this.#operationsLeft--;
    this.observer?.(operation, "before");
  }

  /** Whether failures that were asked for are still to come. */
  get hasFailuresLeft(): boolean {
    return this.#failures.size > 0;
  }

  #failWhereAsked(operation: DiskOperation, path: string): void {
    const failure = this.#failures.get(operation);
    if (failure === undefined || !failure.isMeant(path)) return;
    if (failure.callsLeft-- > 0) return;
    this.#failures.delete(operation);
    throw failure.error;
  }

  #restart(names: Names): void {
    this.#names = names;
    this.#durableNames = new Map(names);
    this.#unsyncedNames = [];
    this.#locked.clear();
    this.#failures.clear();
    this.#operationsLeft = Number.POSITIVE_INFINITY;
  }

  #changeNames(operation: DiskOperation, change: NameChange): void {
    apply(change, this.#names);
    this.#unsyncedNames.push(change);
    this.observer?.(operation, "after");
  }

  #inode(path: string): SimulatedInode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw new DiskError("NOT_FOUND", `${path} does not exist`);
    return inode;
  }

  async #turns(): Promise<void> {
    for (let left = this.#random.integer(this.#turnsMax); left >= 0; left--)
      await Promise.resolve();
  }
}

function apply({ from, inode, to }: NameChange, names: Names): void {
  // A file whose old name never came to be durable gets no new one.
  if (from !== undefined && !names.delete(from)) return;
  if (to !== undefined) names.set(to, inode);
}

function keptBy({ torn, writes }: PowerCut, random: SeededRandom): KeptPieces {
  const any = anySectors(random);
  return (write) => {
    if (write === torn?.write) {
      return [{ position: write.position, bytes: write.bytes.subarray(0, torn.keptBytes) }];
    }
    if (writes === "any") return any(write);
    return writes === "all" ? [write] : [];
  };
}

class SimulatedFile implements DiskFile {
  readonly path: string;
  isClosed = false;
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
      await this.#disk.begin("write", this.path);
    } catch (error) {
      // What failed may have been written in part.
      this.#inode.write(position, bytes.subarray(0, bytes.length >> 1));
      throw error;
    }
    const write = this.#inode.write(position, bytes);
    this.#disk.observer?.("write", "after", write);
  }

  async read(position: number, target: Uint8Array): Promise<number> {
    await this.#disk.begin("read", this.path);
    return this.readSync(position, target);
  }

  readSync(position: number, target: Uint8Array): number {
    return this.#inode.read(position, target);
  }

  async datasync(): Promise<void> {
    const covered = this.#inode.unsynced();
    try {
      await this.#disk.begin("datasync", this.path);
    } catch (error) {
      this.#inode.forget(covered);
      throw error;
    }
    this.#inode.sync(covered);
    this.#disk.observer?.("datasync", "after");
  }

  async truncate(sizeBytes: number): Promise<void> {
    await this.#disk.begin("write", this.path);
    this.#inode.truncate(sizeBytes);
  }

  async sizeBytes(): Promise<number> {
    return Promise.resolve(this.#inode.sizeBytes);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.resolve();
  }
}
