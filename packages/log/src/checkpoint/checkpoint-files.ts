import { type Disk, DiskError, type DiskFile } from "@ropewalk/runtime";
import { LogError } from "../log-error.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint-codec.ts";

/** What was found of one copy. */
export interface CheckpointCopy {
  readonly name: string;
  readonly state: "sound" | "damaged" | "missing";
  /** Where it is sound. */
  readonly checkpoint: Checkpoint | undefined;
}

const slots = [
  ["checkpoint-0a", "checkpoint-0b"],
  ["checkpoint-1a", "checkpoint-1b"],
] as const;

/** Every name a copy of a checkpoint has. */
export const checkpointFileNames: readonly string[] = slots.flat();

/** The names that a checkpoint of this number has. */
export function copyNamesOf(number: number): readonly string[] {
  return slots[number % 2 === 0 ? 0 : 1];
}

/** Reads all copies there are. Rejects with FORMAT_UNSUPPORTED, or the disk's error. */
export async function readCheckpoints(disk: Disk, directory: string): Promise<CheckpointCopy[]> {
  const copies: CheckpointCopy[] = [];
  for (const name of checkpointFileNames) {
    copies.push(await readCopy(disk, directory, name));
  }
  return copies;
}

/** The newest sound one. */
export function newestCheckpoint(copies: readonly CheckpointCopy[]): Checkpoint | undefined {
  let newest: Checkpoint | undefined;
  for (const { checkpoint } of copies) {
    if (checkpoint !== undefined && checkpoint.number > (newest?.number ?? 0)) newest = checkpoint;
  }
  return newest;
}

async function readCopy(disk: Disk, directory: string, name: string): Promise<CheckpointCopy> {
  const path = disk.join(directory, name);
  try {
    const outcome = decodeCheckpoint(Buffer.from(await disk.readFile(path)));
    if (outcome.kind === "checkpoint") {
      return { name, state: "sound", checkpoint: outcome.checkpoint };
    }
    if (outcome.kind === "damaged") return { name, state: "damaged", checkpoint: undefined };
    throw new LogError(
      "FORMAT_UNSUPPORTED",
      `Cannot open ${path}: it has format version ${outcome.version}, which is newer than this broker`,
    );
  } catch (error) {
    if (!(error instanceof DiskError) || error.code !== "NOT_FOUND") throw error;
    return { name, state: "missing", checkpoint: undefined };
  }
}

/** Writes checkpoints: each over the one before the last, so that the last one stays until the new one is there. */
export class CheckpointFiles {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #files = new Map<string, DiskFile>();

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /** Makes a checkpoint durable, twice. */
  async write(checkpoint: Checkpoint): Promise<void> {
    const buffers = encodeCheckpoint(checkpoint);
    const names = copyNamesOf(checkpoint.number);
    let isNew = false;
    for (const name of names) {
      const known = this.#files.get(name);
      const file = known ?? (await this.#open(name));
      isNew ||= known === undefined;
      try {
        await file.write(0, buffers);
        await file.datasync();
      } catch (error) {
        // It takes nothing more; should the disk only have been full, it is opened anew.
        this.#files.delete(name);
        await file.close();
        throw error;
      }
    }
    if (isNew) await this.#disk.syncDirectory(this.#directory);
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close();
  }

  async #open(name: string): Promise<DiskFile> {
    const path = this.#disk.join(this.#directory, name);
    const isThere = await this.#disk.exists(path);
    const file = isThere
      ? await this.#disk.open(path, "read-write")
      : await this.#disk.create(path);
    this.#files.set(name, file);
    return file;
  }
}
