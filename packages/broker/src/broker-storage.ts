import { LogStore } from "@ropewalk/log";
import type { DiskLock, KeyValueStore, Runtime } from "@ropewalk/runtime";
import { type Identity, openIdentity } from "./identity.ts";

/** A broker's data directory, opened. */
export interface BrokerStorage {
  readonly identity: Identity;
  readonly log: LogStore;
  /** What was materialized from the log; rebuilt from it where it is missing. */
  readonly state: KeyValueStore;
  close(): Promise<void>;
}

/**
 * Opens the data directory for this broker alone: `identity.json`, `log/` and `state/`. Rejects where
 * another process has it, or where it belongs to another broker.
 */
export async function openBrokerStorage(
  runtime: Runtime,
  directory: string,
  brokerId: number,
): Promise<BrokerStorage> {
  const { disk, random } = runtime;
  await disk.makeDirectory(directory);
  const lock = await disk.lockDirectory(directory, `broker ${brokerId}`);
  try {
    const identity = await openIdentity(disk, random, directory, brokerId);
    return await openContents(runtime, directory, identity, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openContents(
  runtime: Runtime,
  directory: string,
  identity: Identity,
  lock: DiskLock,
): Promise<BrokerStorage> {
  const { clock, disk, keyValueStores, logger } = runtime;
  const log = await LogStore.open({
    disk,
    clock,
    logger,
    directory: disk.join(directory, "log"),
    directoryId: identity.directoryId,
  });
  const { store, discarded } = await keyValueStores.open(disk.join(directory, "state"));
  if (discarded !== undefined) {
    logger.warn("the materialized state was damaged; it is rebuilt from the log", { discarded });
  }
  const close = async (): Promise<void> => {
    await log.close();
    await store.close();
    await lock.release();
  };
  return { identity, log, state: store, close };
}
