import { describe, test } from "vitest";
import { MemoryStorage } from "./memory-storage.ts";
import type { StorageUnderTest } from "./storage-conformance.ts";
import { storageConformanceCases } from "./storage-conformance.ts";

describe("MemoryStorage conforms", () => {
  for (const { name, run } of storageConformanceCases) {
    test(name, () => run(async () => subject(new MemoryStorage())));
  }
});

function subject(storage: MemoryStorage): StorageUnderTest {
  return {
    storage,
    write: async ({ snapshot, entries, hardState }): Promise<void> => {
      if (snapshot !== undefined) storage.applySnapshot(snapshot);
      if (entries !== undefined) storage.append(entries);
      if (hardState !== undefined) storage.setHardState(hardState);
    },
    setConfState: async (confState): Promise<void> => storage.setConfState(confState),
    compact: async (index): Promise<void> => storage.compact(index),
    fetched: async (): Promise<void> => {},
    reopen: async (): Promise<StorageUnderTest> => subject(storage),
  };
}
