import { type LogConfig, type LogError, LogStore, type GroupKey } from "@ropewalk/log";
import type { Disk, DiskLock, KeyValueStore, Runtime } from "@ropewalk/runtime";
import { RopewalkError } from "@ropewalk/protocol";
import { restoreImages } from "./raft/state-image.ts";
import {
  type Identity,
  type IdentityClaim,
  openIdentity,
  writeIdentity,
} from "./membership/identity.ts";

/** Hears that a group's log is damaged. */
export type DamageListener = (key: GroupKey, error: LogError) => void;

/** A broker's data directory, opened. */
export interface BrokerStorage {
  /** As it is now. */
  readonly identity: Identity;
  /** Replaces parts of the identity, durably. Rejects with the disk's error. */
  changeIdentity(changes: Partial<Identity>): Promise<void>;
  readonly log: LogStore;
  /** What was materialized from the log; rebuilt from it where it is missing. */
  readonly state: KeyValueStore;
  /** Resolves when the log's disk failed for good, whoever noticed. */
  readonly failed: Promise<LogError>;
  /** Who hears when a group's stored bytes are found damaged that nobody had asked for. */
  hearDamage(listener: DamageListener): void;
  close(): Promise<void>;
}

/**
 * Opens the data directory for this broker alone: `identity.json`, `log/` and `state/`. Rejects where
 * another process has it, or where it belongs to another broker.
 */
export async function openBrokerStorage(
  runtime: Runtime,
  directory: string,
  claim: IdentityClaim,
  logConfig: Partial<LogConfig> = {},
): Promise<BrokerStorage> {
  const { disk, random } = runtime;
  await disk.makeDirectory(directory);
  const lock = await disk.lockDirectory(directory, `broker ${claim.brokerId}`);
  try {
    const identity = await openIdentity(disk, random, directory, claim);
    return await openContents(runtime, directory, identity, lock, logConfig);
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
  config: Partial<LogConfig>,
): Promise<BrokerStorage> {
  const { clock, disk, logger } = runtime;
  const logDirectory = disk.join(directory, "log");
  if (identity.hasJournal && !(await hasFiles(runtime, logDirectory))) {
    throw new RopewalkError(
      "STORAGE_ERROR",
      `Cannot start on ${directory}: its journal is gone from ${logDirectory}; what this broker has voted and acknowledged is forgotten, so it must not come back under the same identity`,
    );
  }
  const directoryId = identity.directoryId;
  let listener: DamageListener | undefined;
  const hearDamage = (heard: DamageListener): void => {
    listener = heard;
  };
  const { promise: failed, resolve: onFailed } = Promise.withResolvers<LogError>();
  const log = await LogStore.open({
    disk,
    clock,
    logger,
    config,
    directory: logDirectory,
    directoryId,
    onFailed,
    onDamaged: (group, error) => listener?.(group.key, error),
  });
  try {
    const keeper = new IdentityKeeper(disk, directory, identity);
    if (!identity.hasJournal) await keeper.change({ hasJournal: true });
    if (identity.enteredIndex > 0) log.historyLost(lostDisk);
    const store = await openState(runtime, disk.join(directory, "state"), log);
    const close = async (): Promise<void> => {
      try {
        await log.close();
      } finally {
        await closeAndRelease(store, lock);
      }
    };
    return {
      get identity() {
        return keeper.identity;
      },
      changeIdentity: (changes) => keeper.change(changes),
      log,
      state: store,
      failed,
      hearDamage,
      close,
    };
  } catch (error) {
    await log.close().catch(() => undefined); // Why it does not open says more.
    throw error;
  }
}

/** Opens what was materialized from the log, and brings what it lacks from images. */
async function openState(
  { keyValueStores, logger }: Runtime,
  directory: string,
  log: LogStore,
): Promise<KeyValueStore> {
  const { store, discarded } = await keyValueStores.open(directory);
  if (discarded !== undefined) {
    logger.warn("the materialized state was damaged; it is rebuilt from the log", { discarded });
  }
  try {
    const restored = await restoreImages(log, store, logger);
    if (restored > 0)
      logger.info("materialized state was rebuilt from images", { groups: restored });
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * The entry of the metadata's log up to which a replica may have been here of which the log has nothing any more.
 * Damage may hide any that the metadata told of before this start; the disk of before, only those that it told of
 * before it took this directory in. Where neither is, the log knows.
 */
export function unknownThroughIndex(
  {
    identity,
    log,
  }: Pick<BrokerStorage, "identity"> & { readonly log: Pick<LogStore, "isDamaged"> },
  indexAtStart: number,
): number {
  return Math.max(identity.enteredIndex, log.isDamaged ? indexAtStart : 0);
}

/** Why groups may have been known to a broker whose disk was replaced. */
export const lostDisk = "the disk that this broker had before";

/** The identity of an open directory: changes of it are written one after the other. */
class IdentityKeeper {
  readonly #disk: Disk;
  readonly #directory: string;
  #identity: Identity;
  #written: Promise<void> = Promise.resolve();

  constructor(disk: Disk, directory: string, identity: Identity) {
    this.#disk = disk;
    this.#directory = directory;
    this.#identity = identity;
  }

  get identity(): Identity {
    return this.#identity;
  }

  change(changes: Partial<Identity>): Promise<void> {
    this.#identity = { ...this.#identity, ...changes };
    const identity = this.#identity;
    const written = this.#written
      .catch(() => undefined)
      .then(() => writeIdentity(this.#disk, this.#directory, identity));
    this.#written = written;
    return written;
  }
}

async function hasFiles({ disk }: Runtime, directory: string): Promise<boolean> {
  if (!(await disk.exists(directory))) return false;
  return (await disk.list(directory)).some((name) => name.startsWith("journal-"));
}

async function closeAndRelease(store: KeyValueStore, lock: DiskLock): Promise<void> {
  try {
    await store.close();
  } finally {
    await lock.release();
  }
}
