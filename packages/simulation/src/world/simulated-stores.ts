import type { KeyValueChange, KeyValueStore, KeyValueStores } from "@ropewalk/runtime";
import type { MachineDisk } from "./machine-disk.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";

/** Keyed stores on a machine's disk. A commit is there wholly or not at all. */
export class SimulatedStores implements KeyValueStores {
  readonly #machine: MachineDisk;
  readonly #disk: SimulatedDisk;

  constructor(machine: MachineDisk, disk: SimulatedDisk) {
    this.#machine = machine;
    this.#disk = disk;
  }

  open(directory: string): Promise<{ store: KeyValueStore; discarded: string | undefined }> {
    return this.#disk.act("read", 0, () => {
      const isDamaged = this.#machine.damagedStores.delete(directory);
      if (isDamaged) this.#machine.stores.delete(directory);
      const committed = this.#machine.stores.get(directory) ?? new Map<string, Uint8Array>();
      this.#machine.stores.set(directory, committed);
      return {
        store: new SimulatedStore(this.#disk, committed),
        discarded: isDamaged ? "it has rotted" : undefined,
      };
    });
  }
}

class SimulatedStore implements KeyValueStore {
  readonly #disk: SimulatedDisk;
  readonly #committed: Map<string, Uint8Array>;
  #last: Promise<void> = Promise.resolve();

  constructor(disk: SimulatedDisk, committed: Map<string, Uint8Array>) {
    this.#disk = disk;
    this.#committed = committed;
  }

  get(key: string): Uint8Array | undefined {
    return this.#committed.get(key)?.slice();
  }

  range(start: string, end: string): Iterable<readonly [key: string, value: Uint8Array]> {
    const keys = [...this.#committed.keys()].filter((key) => key >= start && key < end);
    return keys.toSorted().map((key) => [key, this.#committed.get(key) ?? new Uint8Array(0)]);
  }

  commit(changes: readonly KeyValueChange[]): Promise<void> {
    const copies = changes.map(({ key, value }) => ({ key, value: value?.slice() }));
    const commit = (): Promise<void> =>
      this.#disk.act("sync", 0, () => {
        for (const { key, value } of copies) {
          if (value === undefined) this.#committed.delete(key);
          else this.#committed.set(key, value);
        }
      });
    const done = this.#last.then(commit);
    this.#last = done.catch(() => undefined);
    return done;
  }

  close(): Promise<void> {
    return this.#last;
  }
}
