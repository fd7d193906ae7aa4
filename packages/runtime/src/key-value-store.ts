/** One change of a {@link KeyValueStore}; a value of `undefined` removes the key. */
export interface KeyValueChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/**
 * Keyed, small, materialized state in one ordered key space. It is always rebuildable from logs and
 * snapshots, so a damaged store is discarded, never trusted.
 */
export interface KeyValueStore {
  /** The value, which the caller may keep; `undefined` where there is none. */
  get(key: string): Uint8Array | undefined;
  /** Entries with `start` <= key < `end`, in key order. */
  range(start: string, end: string): Iterable<readonly [key: string, value: Uint8Array]>;
  /** Applies all changes in one transaction; durable once the promise resolves. */
  commit(changes: readonly KeyValueChange[]): Promise<void>;
  close(): Promise<void>;
}

/** Opens stores. */
export interface KeyValueStores {
  /**
   * Opens or creates the store in a directory. One that cannot be read is discarded and created
   * anew; `discarded` then tells why, so that the owner rebuilds it.
   */
  open(directory: string): Promise<{ store: KeyValueStore; discarded: string | undefined }>;
}
