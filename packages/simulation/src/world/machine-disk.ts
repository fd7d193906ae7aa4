import { DiskError } from "@ropewalk/runtime";
import { Inode } from "./inode.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** A change of names that no sync of the directory has covered. */
interface NameChange {
  readonly inode: Inode;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** The disk of one machine: it outlives processes, and forgets what was not synced when the power goes. */
export class MachineDisk {
  readonly #random: SeededRandom;
  #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  #unsyncedNames: NameChange[] = [];
  readonly directories: Set<string> = new Set();
  readonly locks: Map<string, SimulatedProcess> = new Map();
  /** What keyed stores have committed, by directory. */
  readonly stores: Map<string, Map<string, Uint8Array>> = new Map();
  /** Every operation takes so much longer. */
  stallMs = 0;
  bytesMax: number = Number.POSITIVE_INFINITY;
  /** Writes and syncs fail from now on. */
  isBroken = false;
  /** Bytes of it changed where they lay; what it holds may be damaged. */
  hasRotted = false;
  /** Directories of keyed stores that are found damaged when they are opened next. */
  readonly damagedStores: Set<string> = new Set();
  /** Hears of every file that was synced. */
  onSynced: ((path: string) => void) | undefined;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Files as processes see them. */
  paths(): readonly string[] {
    return [...this.#names.keys()].toSorted();
  }

  inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw new DiskError("NOT_FOUND", `${path} does not exist`);
    return inode;
  }

  has(path: string): boolean {
    return this.#names.has(path);
  }

  /** What all files take. */
  usedBytes(): number {
    let used = 0;
    for (const inode of this.#names.values()) used += inode.sizeBytes;
    return used;
  }

  create(path: string): Inode {
    if (this.#names.has(path)) throw new DiskError("EXISTS", `${path} exists`);
    const inode = new Inode();
    this.#change({ inode, from: undefined, to: path });
    return inode;
  }

  rename(from: string, to: string): void {
    this.#change({ inode: this.inode(from), from, to });
  }

  remove(path: string): void {
    if (this.directories.delete(path)) return;
    this.#change({ inode: this.inode(path), from: path, to: undefined });
  }

  /** Whether files came, went or were renamed that no sync of the directory has covered. */
  get hasUnsyncedNames(): boolean {
    return this.#unsyncedNames.length > 0;
  }

  /** The changes that a sync of the directory which begins now covers. */
  unsyncedNames(): readonly unknown[] {
    return [...this.#unsyncedNames];
  }

  syncNames(covered: readonly unknown[]): void {
    const done = new Set(covered);
    for (const change of this.#unsyncedNames)
      if (done.has(change)) apply(change, this.#durableNames);
    this.#unsyncedNames = this.#unsyncedNames.filter((change) => !done.has(change));
  }

  /** What was not synced is there in part, or not. */
  losePower(): void {
    for (const change of this.#unsyncedNames) {
      if (this.#random.chance(0.5)) apply(change, this.#durableNames);
    }
    this.#unsyncedNames = [];
    this.#names = new Map(this.#durableNames);
    for (const inode of new Set(this.#names.values())) inode.losePower(this.#random);
    this.#restarted();
  }

  /** Another disk is built in. */
  wipe(): void {
    this.#names.clear();
    this.#durableNames.clear();
    this.#unsyncedNames = [];
    this.directories.clear();
    this.stores.clear();
    this.damagedStores.clear();
    this.hasRotted = false;
    this.#restarted();
  }

  /** It works as it should again; what it lost stays lost. */
  mend(): void {
    this.isBroken = false;
    this.stallMs = 0;
    this.bytesMax = Number.POSITIVE_INFINITY;
    this.onSynced = undefined;
  }

  #restarted(): void {
    this.locks.clear();
    this.stallMs = 0;
  }

  #change(change: NameChange): void {
    apply(change, this.#names);
    this.#unsyncedNames.push(change);
  }
}

function apply({ from, inode, to }: NameChange, names: Map<string, Inode>): void {
  // A file whose old name never came to be durable gets no new one.
  if (from !== undefined && !names.delete(from)) return;
  if (to !== undefined) names.set(to, inode);
}
