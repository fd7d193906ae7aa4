import type { Disk, Logger } from "@ropewalk/runtime";
import type { Journal } from "./journal.ts";
import type { JournalUsage } from "./journal-usage.ts";

/**
 * Removes the files that nobody needs any more, in rounds: a tombstone's file goes only when the
 * removal of what it kills is durable. Never rejects; what could not be removed is tried again the
 * next time.
 */
export async function reclaimJournalFiles(
  { disk, directory, logger }: { disk: Disk; directory: string; logger: Logger },
  journal: Journal,
  usage: JournalUsage,
): Promise<void> {
  try {
    for (;;) {
      const sequences = usage.removable(journal.activeSequence);
      if (sequences.length === 0) return;
      for (const sequence of sequences) {
        const file = journal.files.get(sequence);
        if (file === undefined) continue; // Removed in a round before, whose sync failed.
        await disk.remove(file.path);
        await journal.drop(sequence);
      }
      await disk.syncDirectory(directory);
      for (const sequence of sequences) usage.removeFile(sequence);
      logger.info("Journal files without a living group were removed.", { sequences });
    }
  } catch (error) {
    logger.warn("Journal files could not be removed yet.", { error });
  }
}
