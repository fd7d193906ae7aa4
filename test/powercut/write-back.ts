import { open, readdir } from "node:fs/promises";
import { join } from "node:path";

const filesMax = 3;

/**
 * Writes back what the last files of a directory hold in memory, again and again until the power is
 * cut, as the system may at any moment without anybody having asked: then a part of what was never
 * synced is there after the cut. Never rejects.
 */
export async function writeBack(directory: string, cut: AbortSignal): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const paths = names
    .filter((name) => name.startsWith("journal-"))
    .toSorted()
    .slice(-filesMax);
  await Promise.all([directory, ...paths.map((name) => join(directory, name))].map(syncUntil(cut)));
}

function syncUntil(cut: AbortSignal): (path: string) => Promise<void> {
  return async (path) => {
    try {
      await using handle = await open(path, "r");
      while (!cut.aborted) await handle.datasync();
    } catch {
      // The file was renamed or removed, or the power is gone.
    }
  };
}
