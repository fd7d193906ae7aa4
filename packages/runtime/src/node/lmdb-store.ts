import assert from "node:assert/strict";
import { rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { open } from "lmdb";
import type { RootDatabase } from "lmdb";
import { DiskError } from "../disk.ts";
import type { KeyValueChange, KeyValueStore, KeyValueStores } from "../key-value-store.ts";
import { diskCall, diskFailure } from "./disk-failure.ts";
import { errnoOf } from "./errno.ts";
import { lmdbFault } from "./lmdb-check.ts";
import { PAGE_BYTES } from "./lmdb-format.ts";
import {
  changeTally,
  decodeRecord,
  decodeTally,
  EMPTY_TALLY,
  encodeKey,
  encodeRecord,
  encodeTally,
  TALLY_KEY,
} from "./lmdb-record.ts";
import type { Tally } from "./lmdb-record.ts";
import { NodeDisk } from "./node-disk.ts";

const DATA_FILE = "data.mdb";
const LOCK_FILE = "lock.mdb";
/** With less free an I/O error of LMDB may mean that the disk is full. */
const scarceBytes = 16 * 1024 * 1024;
/** Where the data file of the last discarded store is kept, for whoever wants to know why. */
const DAMAGED_FILE = "data.mdb.damaged";

type Database = RootDatabase<Buffer, Buffer>;

/**
 * Stores on LMDB. The directory of a store belongs to one process at a time; whoever opens it sees
 * to that with a lock on a directory above.
 */
export class LmdbStores implements KeyValueStores {
  readonly #disk = new NodeDisk();

  /**
   * Checks the whole store before LMDB maps it, about a millisecond per MiB, because LMDB may end
   * the process on a damaged one. Rejects with a DiskError where the directory cannot be used.
   */
  async open(directory: string): Promise<{ store: KeyValueStore; discarded: string | undefined }> {
    await this.#disk.makeDirectory(directory);
    const discarded = faultOf(directory);
    if (discarded !== undefined) await discard(directory);
    const database = openDatabase(directory);
    await this.#disk.syncDirectory(directory); // LMDB syncs its file, but not the file's name.
    return { store: new LmdbStore(directory, database), discarded };
  }
}

class LmdbStore implements KeyValueStore {
  readonly #directory: string;
  #database: Database;
  #failure: DiskError | undefined = undefined;
  /** The disk was full: nothing was changed, but lmdb-js does not go on after a failed commit. */
  #mustReopen = false;
  readonly #closing: Promise<void>[] = [];

  constructor(directory: string, database: Database) {
    this.#directory = directory;
    this.#database = database;
  }

  get(key: string): Uint8Array | undefined {
    const stored = encodeKey(key);
    const record = this.#database.get(stored);
    return record === undefined ? undefined : this.#valueOf(stored, record);
  }

  *range(start: string, end: string): Generator<readonly [key: string, value: Uint8Array]> {
    const range = { start: encodeKey(start), end: encodeKey(end) };
    for (const { key, value } of this.#database.getRange(range)) {
      yield [key.toString("utf8"), this.#valueOf(key, value)];
    }
  }

  async commit(changes: readonly KeyValueChange[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    // Encoded first: a bad key must throw before anything was changed.
    const encoded = changes.map(({ key, value }) => {
      const stored = encodeKey(key);
      return { key: stored, record: value && encodeRecord(stored, value) };
    });
    if (this.#mustReopen) this.#reopen();
    const database = this.#database;
    try {
      // Calls of one turn share a transaction; as a child, one that throws takes back only its own.
      await database.childTransaction(() => this.#apply(encoded));
    } catch (error) {
      // A promise of lmdb-js's own rejects, too, and would end the process as an unhandled rejection.
      database.committed.then(ignored, ignored);
      const failure = await this.#failureOf(await reasonOf(error));
      if (failure.code !== "FULL") this.#failure ??= failure;
      else if (database === this.#database) this.#mustReopen = true;
      throw failure;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#closing);
    await this.#database.close();
  }

  // LMDB calls a write that the disk had room for in part only an I/O error. Taking a true one for that is
  // harmless: whoever tries again writes all pages of the transaction anew.
  async #failureOf(reason: unknown): Promise<DiskError> {
    const action = `commit to the store in ${this.#directory}`;
    if (errnoOf(reason) !== "EIO") return diskFailure(action, reason);
    const space = await statfs(this.#directory).catch(() => undefined);
    const isScarce = space !== undefined && space.bavail * space.bsize < scarceBytes;
    return diskFailure(action, reason, isScarce ? "FULL" : "IO");
  }

  /** lmdb-js does not go on after a failed commit. The new handle comes first, so that reads always find one. */
  #reopen(): void {
    const old = this.#database;
    this.#database = openDatabase(this.#directory);
    this.#mustReopen = false;
    this.#closing.push(old.close().catch(() => undefined));
  }

  #apply(changes: readonly { key: Buffer; record: Buffer | undefined }[]): void {
    const database = this.#database;
    let tally = this.#readTally();
    for (const { key, record } of changes) {
      tally = changeTally(tally, database.get(key), record);
      if (record === undefined) database.removeSync(key);
      else database.putSync(key, record);
    }
    database.putSync(TALLY_KEY, encodeRecord(TALLY_KEY, encodeTally(tally)));
  }

  #readTally(): Tally {
    const record = this.#database.get(TALLY_KEY);
    if (record === undefined) return EMPTY_TALLY;
    const tally = decodeTally(this.#valueOf(TALLY_KEY, record));
    assert(tally !== undefined, "The tally was checked when the store was opened");
    return tally;
  }

  #valueOf(key: Buffer, record: Buffer): Uint8Array {
    const value = decodeRecord(key, record);
    if (value !== undefined) return value;
    const name = JSON.stringify(key.toString("utf8"));
    throw new DiskError("IO", `Cannot read ${name} from ${this.#directory}: its CRC is wrong`);
  }
}

function ignored(): void {
  // Was told where it belongs.
}

// lmdb-js rejects with a general error whose `commitError` is a promise that rejects with the reason
// (and would end the process as an unhandled rejection if nobody looked).
async function reasonOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !("commitError" in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (reason) {
    return reason;
  }
}

/** Why the store in `directory` cannot be trusted; `undefined` for a sound one, or for none. */
function faultOf(directory: string): string | undefined {
  const path = join(directory, DATA_FILE);
  let stored: Tally | undefined = EMPTY_TALLY;
  let counted: Tally = EMPTY_TALLY;
  try {
    const fault = lmdbFault(path, (key, record) => {
      const value = decodeRecord(key, record);
      if (value === undefined) return "a wrong CRC";
      if (TALLY_KEY.equals(key)) stored = decodeTally(value);
      else counted = changeTally(counted, undefined, record);
      return undefined;
    });
    if (fault !== undefined) return `${path} is damaged: ${fault}`;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT") return undefined;
    if (errno === "EIO") return `${path} cannot be read: EIO`;
    throw diskFailure(`open the store in ${directory}`, error);
  }
  const isWhole = stored.entryCount === counted.entryCount && stored.crcSum === counted.crcSum;
  return isWhole ? undefined : `${path} is damaged: its entries are not those last written`;
}

async function discard(directory: string): Promise<void> {
  const action = `discard the store in ${directory}`;
  await diskCall(action, rename(join(directory, DATA_FILE), join(directory, DAMAGED_FILE)));
  await diskCall(action, rm(join(directory, LOCK_FILE), { force: true }));
}

function openDatabase(directory: string): Database {
  try {
    return open<Buffer, Buffer>({
      path: directory,
      noSubdir: false, // Also where the directory's name has a dot, which LMDB takes for a file.
      maxDbs: 1,
      pageSize: PAGE_BYTES,
      keyEncoding: "binary",
      encoding: "binary",
      cache: false,
      // By default lmdb-js resolves a commit when it is visible and syncs it later, with a third
      // meta page to fall back on. Without it, a transaction is LMDB's own: data written and synced,
      // then the meta page, written synchronously; a resolved promise means durable.
      overlappingSync: false,
    });
  } catch (error) {
    throw diskFailure(`open the store in ${directory}`, error);
  }
}
