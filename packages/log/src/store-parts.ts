import { captureGroups, startSequenceOf } from "./checkpoint/checkpoint-capture.ts";
import type { Checkpoint } from "./checkpoint/checkpoint-codec.ts";
import { CheckpointWriter } from "./checkpoint/checkpoint-writer.ts";
import { Compactor } from "./compaction/compactor.ts";
import { Destager } from "./destage/destager.ts";
import { EntryReader } from "./entry-reader.ts";
import type { GroupState } from "./group-state.ts";
import { HistoryStore } from "./history-store.ts";
import { Journal } from "./journal/journal.ts";
import type { RecoveredJournal } from "./journal/recovery.ts";
import type { LogConfig } from "./log-config.ts";
import type { LogEntry } from "./log-entry.ts";
import type { LogError } from "./log-error.ts";
import { ReadMemory } from "./read-memory.ts";
import { Scrubber } from "./scrubber.ts";
import { SegmentReader } from "./segment/segment-reader.ts";
import { VerifiedLately } from "./segment/verified-lately.ts";
import { SpaceWatch } from "./space-watch.ts";
import type { LogStoreOptions } from "./store-options.ts";
import { TailCache } from "./tail-cache.ts";

/** What a store is put together from, and whom its parts tell what. */
export interface StoreContext {
  readonly options: LogStoreOptions;
  readonly config: LogConfig;
  readonly recovered: RecoveredJournal;
  /** The number of the last checkpoint there is. */
  readonly checkpointNumber: number;
  /** Where records were lost whose groups nobody can name. */
  readonly damage: string;
  readonly states: () => Iterable<GroupState>;
  readonly nextFileId: () => number;
  readonly takeFileId: () => number;
  readonly checkpointed: (checkpoint: Checkpoint) => Promise<void>;
  readonly onFailed: (error: LogError) => void;
  readonly onDamaged: (state: GroupState, error: LogError) => void;
  /** Appends entries once more that a group has already. */
  readonly copyForward: (state: GroupState, entries: readonly LogEntry[]) => void;
}

/** The parts of a store. */
export interface StoreParts {
  readonly cache: TailCache;
  readonly journal: Journal;
  readonly reader: EntryReader;
  readonly memory: ReadMemory;
  readonly segments: SegmentReader;
  readonly checkpoint: CheckpointWriter;
  readonly destager: Destager;
  readonly compactor: Compactor;
  readonly history: HistoryStore;
  readonly scrubber: Scrubber;
  readonly space: SpaceWatch;
}

/** Puts a store together; nothing of it runs yet. */
export function createStoreParts(context: StoreContext): StoreParts {
  const { config, options, states, takeFileId, onFailed } = context;
  const { clock, directory, disk, logger } = options;
  const cache = new TailCache(config.cacheBytesMax);
  const journal = createJournal(context, cache);
  const memory = new ReadMemory();
  const reader = new EntryReader(journal.files, config.readBytesMax);
  const segments = new SegmentReader(disk, directory, config, memory, new VerifiedLately(clock));
  const checkpoint = createCheckpointWriter(context, journal, segments);
  const common = { disk, directory, clock, logger, config, journal, segments, checkpoint };
  const destager = new Destager({
    ...common,
    entries: reader,
    files: journal.files,
    groups: states,
    takeFileId,
    onDamaged: context.onDamaged,
    copyForward: context.copyForward,
    isDiskFull: (): boolean => space.isFull,
    freeBytes: (): number => space.freeBytes,
    onFailed,
  });
  const compactor = new Compactor({
    ...common,
    keyMapBytesMax: config.keyMapBytesMax,
    segmentBytesMax: config.segmentBytesMax,
    bytesPerSecondMax: config.compactionBytesPerSecondMax,
    takeFileId,
  });
  const history = new HistoryStore({ ...common, destager, compactor, takeFileId, onFailed });
  const scrubber = new Scrubber({
    ...common,
    groups: states,
    bytesPerSecondMax: config.scrubBytesPerSecondMax,
    damaged: context.onDamaged,
  });
  const space: SpaceWatch = new SpaceWatch({ ...common, destager });
  const parts = { cache, journal, reader, memory, segments, checkpoint, destager };
  return { ...parts, compactor, history, scrubber, space };
}

function createJournal(context: StoreContext, cache: TailCache): Journal {
  const { config, options, recovered, onFailed } = context;
  const { clock, directory, disk, logger } = options;
  return new Journal({
    disk,
    directory,
    logger,
    clock,
    config,
    ...recovered,
    onDurable: (appendNumber) => cache.markDurable(appendNumber),
    onFailed,
  });
}

function createCheckpointWriter(
  context: StoreContext,
  journal: Journal,
  segments: SegmentReader,
): CheckpointWriter {
  const { checkpointNumber, damage, nextFileId, options, recovered, states, onFailed } = context;
  const { directory, disk, logger } = options;
  return new CheckpointWriter({
    disk,
    directory,
    logger,
    lastNumber: checkpointNumber,
    capture: () => ({
      directoryId: recovered.directoryId,
      nextFileId: nextFileId(),
      startSequence: startSequenceOf(states(), journal.activeSequence),
      durableTo: journal.end,
      damage,
      groups: captureGroups(states()),
    }),
    barrier: () => journal.commit(),
    written: context.checkpointed,
    removed: (path) => segments.removed(path),
    onFailed,
  });
}
