/** The data directory of a broker that was removed. */
export interface RemovedDirectory {
  readonly directoryId: string;
  readonly brokerId: number;
  /** Index of the controller's entry that removed it; 0: not known any more. */
  readonly removedIndex: number;
}

/** How many are remembered: one that comes back after so many others is taken for a broker that comes with its data. */
const directoriesMax = 1000;

/**
 * The data directories of removed brokers, so that none comes back by being started again. The ones that were removed
 * longest ago are forgotten; every broker forgets the same ones.
 */
export class RemovedDirectories {
  readonly #directories = new Map<string, RemovedDirectory>();

  /** By their ids. */
  get all(): ReadonlyMap<string, RemovedDirectory> {
    return this.#directories;
  }

  /** Puts back what was remembered, in the place of all there is. */
  restore(directories: Iterable<RemovedDirectory>): void {
    this.#directories.clear();
    for (const each of directories) this.#directories.set(each.directoryId, each);
  }

  /** Remembers a directory. */
  add(directory: RemovedDirectory): void {
    this.#directories.set(directory.directoryId, directory);
  }

  /** Forgets what is too many; answers the ids of what was forgotten. */
  forgetOldest(): readonly string[] {
    const excess = this.#directories.size - directoriesMax;
    if (excess <= 0) return [];
    const oldest = [...this.#directories.values()].toSorted(isOlder).slice(0, excess);
    for (const { directoryId } of oldest) this.#directories.delete(directoryId);
    return oldest.map(({ directoryId }) => directoryId);
  }
}

function isOlder(a: RemovedDirectory, b: RemovedDirectory): number {
  return a.removedIndex - b.removedIndex || (a.directoryId < b.directoryId ? -1 : 1);
}
