import { readFile, realpath, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DiskError } from "../disk.ts";
import type { DiskLock } from "../disk.ts";
import { diskCall, diskFailure } from "./disk-failure.ts";

const LOCK_FILE = "LOCK";
const OWNER_FILE = "LOCK.owner";
const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;

/** Directories that this process holds, by their real path, with the label of the owner. */
const heldHere = new Map<string, string>();

/**
 * An exclusive lock on a directory, held by the kernel for this process.
 *
 * Node offers no flock or fcntl lock itself, but its SQLite takes one: an exclusive transaction on
 * the (empty) database `LOCK` is a POSIX record lock on that file. The kernel ends it with the
 * process, however that dies, so there is nothing stale to detect and no race in taking over; and
 * it holds between containers that share the directory, where process ids and abstract sockets say
 * nothing. Files that record a process id fail at exactly that: two containers are both process 1.
 *
 * `LOCK.owner` says who holds the lock, for the message only; it decides nothing. POSIX locks are
 * dropped when the process closes *any* descriptor of the file: nothing else may open `LOCK`.
 */
export class DirectoryLock implements DiskLock {
  readonly #directory: string;
  #database: DatabaseSync | undefined;

  private constructor(directory: string, database: DatabaseSync) {
    this.#directory = directory;
    this.#database = database;
  }

  /** Rejects with LOCKED, naming the owner, while this or another live process has the lock. */
  static async take(path: string, owner: string): Promise<DirectoryLock> {
    const directory = await diskCall(`lock directory ${path}`, realpath(path));
    const ownerHere = heldHere.get(directory);
    if (ownerHere !== undefined) {
      throw locked(directory, `process ${process.pid} (${ownerHere}), which is this process`);
    }
    const database = openExclusively(directory);
    if (database === undefined) throw locked(directory, await readOwner(directory));
    heldHere.set(directory, owner);
    const lock = new DirectoryLock(directory, database);
    try {
      await writeOwner(directory, owner);
    } catch (error) {
      await lock.release();
      throw error;
    }
    return lock;
  }

  release(): Promise<void> {
    if (this.#database !== undefined) {
      this.#database.close();
      this.#database = undefined;
      heldHere.delete(this.#directory);
    }
    return Promise.resolve();
  }
}

/** The database with its file locked, or `undefined` where another process has it. */
function openExclusively(directory: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(directory, LOCK_FILE), { timeout: 0 });
    // No journal file beside it, and the lock is kept from here to the end.
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE");
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    const code = sqliteCodeOf(error);
    if (code === SQLITE_BUSY) return undefined;
    const hint = code === SQLITE_NOTADB ? " (its file LOCK is foreign: remove it)" : "";
    throw diskFailure(`lock directory ${directory}${hint}`, error, "IO");
  }
}

function sqliteCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  // The low byte is the primary code; SQLite puts details above it.
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}

async function readOwner(directory: string): Promise<string> {
  try {
    return (await readFile(join(directory, OWNER_FILE), "utf8")).trim();
  } catch {
    return "another process"; // It is only just taking the lock, or its disk is full.
  }
}

async function writeOwner(directory: string, owner: string): Promise<void> {
  const path = join(directory, OWNER_FILE);
  const action = `write ${path}`;
  await diskCall(action, writeFile(`${path}.tmp`, `process ${process.pid} (${owner})\n`));
  await diskCall(action, rename(`${path}.tmp`, path));
}

function locked(directory: string, owner: string): DiskError {
  return new DiskError("LOCKED", `Cannot lock directory ${directory}: it is held by ${owner}`);
}
