/** Which groups have something in one file. */
interface FileUse {
  readonly records: Set<string>;
  readonly tombstones: Set<string>;
}

/** Which groups have something in which file of the journal, to know which files nobody needs any more. */
export class JournalUsage {
  readonly #files = new Map<number, FileUse>();
  readonly #deleted = new Set<string>();
  readonly #kept = new Set<number>();

  /** Notes a record of a group. */
  addRecord(sequence: number, groupName: string): void {
    this.#file(sequence).records.add(groupName);
  }

  /** Notes the durable tombstone of a group. */
  addTombstone(sequence: number, groupName: string): void {
    this.#file(sequence).tombstones.add(groupName);
    this.#deleted.add(groupName);
  }

  /** Whether a group has a tombstone in the journal. */
  isDeleted(groupName: string): boolean {
    return this.#deleted.has(groupName);
  }

  /** Notes a file that has nothing in it (yet). */
  addFile(sequence: number): void {
    this.#file(sequence);
  }

  /** Keeps a file for good: nobody knows whose records its damage hides. */
  keepFile(sequence: number): void {
    this.#kept.add(sequence);
  }

  /** Notes that a file is durably gone. */
  removeFile(sequence: number): void {
    const use = this.#files.get(sequence);
    this.#files.delete(sequence);
    for (const name of use?.tombstones ?? []) this.#deleted.delete(name);
  }

  /**
   * The files that may be removed now. A file with the tombstone of a group that still has records in
   * another file stays: without it those would come to life again. It may go in the next round, when
   * the removal of the others is durable.
   */
  removable(activeSequence: number): number[] {
    return [...this.#files.keys()]
      .filter((sequence) => sequence < activeSequence && this.#isRemovable(sequence))
      .sort((left, right) => left - right);
  }

  #isRemovable(sequence: number): boolean {
    if (this.#kept.has(sequence)) return false;
    const use = this.#file(sequence);
    for (const name of use.records) if (!this.#deleted.has(name)) return false;
    for (const name of use.tombstones) if (this.#hasRecordsOutside(sequence, name)) return false;
    return true;
  }

  #hasRecordsOutside(sequence: number, name: string): boolean {
    for (const [other, use] of this.#files) {
      if (other !== sequence && use.records.has(name)) return true;
    }
    return false;
  }

  #file(sequence: number): FileUse {
    let use = this.#files.get(sequence);
    if (use === undefined) {
      use = { records: new Set(), tombstones: new Set() };
      this.#files.set(sequence, use);
    }
    return use;
  }
}
