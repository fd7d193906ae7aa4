/** One change of a {@link KeyValueStore}; a value of `undefined` removes the key. */
export interface KeyValueChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/**
 * Keyed, small, materialized state in one ordered key space. It is always rebuildable from logs and
 * snapshots, so a damaged store is discarded, never trusted. A key is a well-formed string of 1 to
 * 1,024 UTF-8 bytes that does not begin with U+0000; anything else is a programmer's error.
 */
export interface KeyValueStore {
  /** The value, which the caller may keep; `undefined` where there is none. */
  get(key: string): Uint8Array | undefined;
  /**
   * Entries with `start` <= key < `end`, in the order of the keys' code points (that of `<` for
   * keys without surrogates), as they were when the iteration began.
   */
  range(start: string, end: string): Iterable<readonly [key: string, value: Uint8Array]>;
  /**
   * Applies all changes, in their order, in one transaction; they are visible and durable once the
   * promise resolves. Commits that overlap are applied in the order of the calls. After one that
   * failed every later one rejects, unless all that failed is that the disk was full (FULL): that changed
   * nothing, and can be tried again.
   */
  commit(changes: readonly KeyValueChange[]): Promise<void>;
  close(): Promise<void>;
}

/** Opens stores. */
export interface KeyValueStores {
  /**
   * Opens or creates the store in a directory. One that cannot be read is discarded and created
   * anew; `discarded` then tells why. Told once: after a crash in the middle of rebuilding, the
   * store is sound and incomplete. How far it reaches, the owner commits with the state itself.
   */
  open(directory: string): Promise<{ store: KeyValueStore; discarded: string | undefined }>;
}
