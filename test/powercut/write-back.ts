import { open, readdir } from "node:fs/promises";
import { join } from "node:path";

const filesMax = 3;

/**
 * Begins to write back what the last files of a directory hold in memory, as the system may at any
 * moment, without anybody having asked: then a cut finds a part of what was never synced. Resolves
 * when all that was begun has ended, also with the error that a cut brings.
 */
export async function writeBack(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const paths = names
    .filter((name) => name.startsWith("journal-"))
    .toSorted()
    .slice(-filesMax);
  await Promise.all([directory, ...paths.map((name) => join(directory, name))].map(sync));
}

async function sync(path: string): Promise<void> {
  try {
    await using handle = await open(path, "r");
    await handle.datasync();
  } catch {
    // The file was renamed or removed, or the power is gone.
  }
}
