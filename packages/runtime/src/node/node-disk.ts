import { constants } from "node:fs";
import {
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  rmdir,
  stat,
  statfs,
  unlink,
} from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { platform } from "node:process";
import { DiskError } from "../disk.ts";
import type { ComposedFile, Disk, DiskAccess, DiskFile, DiskLock } from "../disk.ts";
import { DirectoryLock } from "./directory-lock.ts";
import { diskCall, diskFailure } from "./disk-failure.ts";
import { errnoOf } from "./errno.ts";
import { FileComposer } from "./file-composer.ts";
import { NodeComposedFile } from "./node-composed-file.ts";
import { NodeDiskFile } from "./node-disk-file.ts";
import { WriteThroughFile } from "../write-through-file.ts";

/** Elsewhere O_DSYNC may leave bytes in the drive's cache, which a sync does not. */
const hasDurableWrites = platform === "linux";

const flagsOf: Readonly<Record<DiskAccess, number>> = {
  read: constants.O_RDONLY,
  "read-write": constants.O_RDWR,
  "write-through": hasDurableWrites ? constants.O_RDWR | constants.O_DSYNC : constants.O_RDWR,
};

/**
 * The machine's file system, for Linux and macOS. Every error is a DiskError whose message names
 * the action and the path, and whose cause is the system's error.
 */
export class NodeDisk implements Disk {
  /** The last replacement of each path that is being replaced, so that they queue per path. */
  readonly #replacing = new Map<string, Promise<void>>();
  readonly #composer = new FileComposer();

  join(...parts: string[]): string {
    return join(...parts);
  }

  async makeDirectory(path: string): Promise<void> {
    const target = resolve(path);
    const created = await diskCall(`create directory ${target}`, createDirectories(target));
    if (created === undefined) {
      await this.#syncParentOfExisting(target);
      return;
    }
    // Each new directory is an entry of the one above it: sync from the lowest up to the parent of
    // the first that was created.
    const top = dirname(created);
    for (let parent = dirname(target); ; parent = dirname(parent)) {
      await this.syncDirectory(parent);
      if (parent === top || parent === dirname(parent)) return;
    }
  }

  async list(path: string): Promise<string[]> {
    const names = await diskCall(`list directory ${path}`, readdir(path));
    return names.sort(); // By code unit, the same on every machine.
  }

  async exists(path: string): Promise<boolean> {
    try {
      await stat(path);
      return true;
    } catch (error) {
      const failure = diskFailure(`look for ${path}`, error);
      if (failure.code === "NOT_FOUND") return false;
      throw failure;
    }
  }

  async open(path: string, access: DiskAccess): Promise<DiskFile> {
    const handle = await diskCall(`open ${path}`, open(path, flagsOf[access]));
    const file = new NodeDiskFile(path, handle);
    return access === "write-through" && !hasDurableWrites ? new WriteThroughFile(file) : file;
  }

  async create(path: string): Promise<DiskFile> {
    return new NodeDiskFile(path, await diskCall(`create ${path}`, open(path, "wx+")));
  }

  compose(path: string, which: "new" | "existing"): ComposedFile {
    return new NodeComposedFile(this.#composer, path, which);
  }

  /**
   * Calls for one path run one after another, in the order they were made: they share the temporary
   * file `<path>.tmp`, which has a fixed name so that a crash leaves at most one behind.
   */
  replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    const key = resolve(path);
    const before = this.#replacing.get(key) ?? Promise.resolve();
    const replaced = before.then(
      () => this.#replaceFile(path, bytes),
      () => this.#replaceFile(path, bytes),
    );
    this.#replacing.set(key, replaced);
    return replaced.finally(() => {
      if (this.#replacing.get(key) === replaced) this.#replacing.delete(key);
    });
  }

  async readFile(path: string): Promise<Uint8Array> {
    return diskCall(`read ${path}`, readFile(path));
  }

  async rename(from: string, to: string): Promise<void> {
    await diskCall(`rename ${from} to ${to}`, rename(from, to));
  }

  async remove(path: string): Promise<void> {
    try {
      await unlink(path);
    } catch (error) {
      // What unlink says of a directory: EISDIR on Linux, EPERM on macOS.
      const errno = errnoOf(error);
      if (errno !== "EISDIR" && errno !== "EPERM") throw diskFailure(`remove ${path}`, error);
      await diskCall(`remove directory ${path}`, rmdir(path));
    }
  }

  async freeBytes(path: string): Promise<number> {
    const { bavail, bsize } = await diskCall(`look at the free space of ${path}`, statfs(path));
    return bavail * bsize;
  }

  async totalBytes(path: string): Promise<number> {
    const { blocks, bsize } = await diskCall(`look at the size of ${path}`, statfs(path));
    return blocks * bsize;
  }

  async syncDirectory(path: string): Promise<void> {
    const action = `sync directory ${path}`;
    const handle = await diskCall(action, open(path, "r"));
    try {
      await handle.sync();
    } catch (error) {
      throw diskFailure(action, error, "IO");
    } finally {
      await handle.close();
    }
  }

  lockDirectory(path: string, owner: string): Promise<DiskLock> {
    return DirectoryLock.take(path, owner);
  }

  async #replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    const temporaryPath = `${path}.tmp`;
    try {
      await writeDurably(temporaryPath, bytes);
      await this.rename(temporaryPath, path);
    } catch (error) {
      // Its space may be what a full disk lacks; the next replacement would overwrite it anyway.
      await unlink(temporaryPath).catch(() => {});
      throw error;
    }
    await this.syncDirectory(dirname(path));
  }

  // A process that was killed between creating the directory and syncing its parent left an entry
  // that a power cut would still take. Where the parent may not be opened (a directory of somebody
  // else's, mode 711), that somebody created this one.
  async #syncParentOfExisting(path: string): Promise<void> {
    try {
      await this.syncDirectory(dirname(path));
    } catch (error) {
      if (!(error instanceof DiskError) || errnoOf(error.cause) !== "EACCES") throw error;
    }
  }
}

/**
 * Creates a directory and what is missing above it; answers the highest one that was missing. Node's
 * own recursive form never ends where a parent exists but takes no entries, such as /proc.
 */
async function createDirectories(path: string): Promise<string | undefined> {
  try {
    await mkdir(path);
    return path;
  } catch (error) {
    if (errnoOf(error) === "EEXIST" && (await stat(path)).isDirectory()) return undefined;
    if (errnoOf(error) !== "ENOENT" || path === dirname(path)) throw error;
  }
  const top = await createDirectories(dirname(path));
  await mkdir(path);
  return top ?? path;
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = new NodeDiskFile(path, await diskCall(`create ${path}`, open(path, "w")));
  try {
    await file.write(0, [bytes]);
    await file.datasync();
  } finally {
    await file.close();
  }
}
