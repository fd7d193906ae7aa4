/**
 * A failure of the disk. After a failed write or sync the bytes of that file are unknown: whoever
 * gets this error takes the file out of service and never retries into success.
 */
export class DiskError extends Error {
  override readonly name = "DiskError";
  readonly code: DiskErrorCode;

  constructor(code: DiskErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * What went wrong: the path does not exist, it exists already, the disk is full, a lock is held by
 * another process, what was to be copied could not be read, or anything else the device or file system reported.
 */
export type DiskErrorCode = "NOT_FOUND" | "EXISTS" | "FULL" | "LOCKED" | "SOURCE" | "IO";

/**
 * An open file. Positions are bytes from the start of the file. Calls on one file may overlap;
 * their order on disk is then undefined, except that `datasync` covers every write that had
 * resolved before it was called.
 */
export interface DiskFile {
  readonly path: string;
  /**
   * Writes all bytes of all buffers at `position`, one after another, or rejects; a short write is
   * an error, with code FULL unless the system gave another reason. After a failed write or sync
   * the file rejects every further one. The buffers must stay untouched until the promise settles.
   */
  write(position: number, buffers: readonly Uint8Array[]): Promise<void>;
  /** Reads into `target` until it is full or the file ends; answers the number of bytes read. */
  read(position: number, target: Uint8Array): Promise<number>;
  /** The same, blocking. For start-up and for reads that are known to be small. */
  readSync(position: number, target: Uint8Array): number;
  /** Makes written bytes durable (fdatasync). A failure means that they may be lost for ever. */
  datasync(): Promise<void>;
  /** Cuts the file to, or fills it up with zeros to, `sizeBytes`. */
  truncate(sizeBytes: number): Promise<void>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
}

/** Bytes of a file, to be written into another. The file stays open until they are. */
export interface FileRange {
  readonly file: DiskFile;
  readonly position: number;
  readonly bytes: number;
}

/** Bytes in memory, or where they are on disk. */
export type FilePiece = Uint8Array | FileRange;

/**
 * A file that is put together from pieces of others, in the background: what is read and written for it passes neither
 * through the caller's memory nor, where that can be done, through the system's. For much that nobody will read soon.
 * Positions and lengths that are multiples of 4096 let it be done.
 */
export interface ComposedFile {
  readonly path: string;
  /**
   * Writes all pieces at `position`, one after another, or rejects: with SOURCE where a range could not be read whole,
   * with EXISTS or NOT_FOUND where it is the first write and the file is there, or not. After a failure it rejects
   * every further one. Memory must stay untouched until the promise settles. One call at a time.
   */
  write(position: number, pieces: readonly FilePiece[]): Promise<void>;
  /** Makes what was written durable (fdatasync) and closes the file. */
  finish(): Promise<void>;
  /** Closes the file. Never rejects. */
  abandon(): Promise<void>;
}

/**
 * What an existing file is opened for. With "write-through" it is both, and a write resolves only once its bytes are
 * durable, as if `datasync` had followed, in one call to the system where that can be done (O_DSYNC). It says nothing of
 * what was written through other handles.
 */
export type DiskAccess = "read" | "read-write" | "write-through";

/** A held lock on a directory. */
export interface DiskLock {
  release(): Promise<void>;
}

/** The file system. Paths are absolute or relative to the process; `join` builds them. */
export interface Disk {
  join(...parts: string[]): string;
  /** Creates `path` and what is missing above it, and makes the new entries durable. */
  makeDirectory(path: string): Promise<void>;
  /** Names of the entries of a directory, sorted. Rejects with NOT_FOUND. */
  list(path: string): Promise<string[]>;
  exists(path: string): Promise<boolean>;
  /** Opens an existing file (NOT_FOUND). */
  open(path: string, access: DiskAccess): Promise<DiskFile>;
  /** Creates a new file (EXISTS) for reading and writing. Its name is durable after `syncDirectory`. */
  create(path: string): Promise<DiskFile>;
  /** A new file (EXISTS), or one that exists (NOT_FOUND), to be written in the background. Opened with the first write. */
  compose(path: string, which: "new" | "existing"): ComposedFile;
  /** Replaces or creates a small file atomically and durably: temporary file, sync, rename, sync. */
  replaceFile(path: string, bytes: Uint8Array): Promise<void>;
  /** The whole content of a small file. Rejects with NOT_FOUND. */
  readFile(path: string): Promise<Uint8Array>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or an empty directory; not durable before `syncDirectory`. */
  remove(path: string): Promise<void>;
  /** What can still be written to the file system that holds a directory. */
  freeBytes(path: string): Promise<number>;
  /** The size of the file system that holds a directory. */
  totalBytes(path: string): Promise<number>;
  /** Makes creations, renames and removals in a directory durable. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Takes the directory for this process, or rejects with LOCKED, naming the owner. The lock of a
   * process that died is taken over.
   */
  lockDirectory(path: string, owner: string): Promise<DiskLock>;
}
