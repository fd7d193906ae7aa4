import { DiskError, type Logger } from "@ropewalk/runtime";
import type { EntryReader } from "../entry-reader.ts";
import type { GroupState } from "../group-state.ts";
import type { Journal } from "../journal/journal.ts";
import type { LogEntry } from "../log-entry.ts";
import { LogError } from "../log-error.ts";
import { GroupMove, type GroupMoveOptions, lastDroppable } from "./group-move.ts";

/** What the destager works with. */
export interface DestagerOptions extends GroupMoveOptions {
  readonly logger: Logger;
  readonly journal: Journal;
  readonly entries: EntryReader;
  readonly groups: () => Iterable<GroupState>;
  /** Whether there is no room but what is kept for the time that the disk is full. */
  readonly isDiskFull: () => boolean;
  /** What is free on the disk by now, as far as is known. */
  readonly freeBytes: () => number;
  /**
   * Writes the entries of a group from this one on into the journal once more, as one record, with nothing else
   * changed; `entries` are all of them.
   */
  readonly copyForward: (state: GroupState, entries: readonly LogEntry[]) => void;
  /** The disk failed for good. */
  readonly onFailed: (error: LogError) => void;
}

/** What was moved since the store was opened. */
export interface DestageStatistics {
  readonly movedBytes: number;
  readonly runCount: number;
}

/** Groups whose next piece waits while another one's is written: enough to be told to a thread several at a time. */
const movesAtOnce = 64;

/** Groups whose segments are open at the same time: all are written, then all are synced, which shares what that costs. */
const openMovesMax = 256;

/**
 * What of the journal's bound a run leaves there. The more it takes at once, the larger is the piece of each of many
 * groups, and a piece costs a write and a sync whatever its size.
 */
const keptShare = 1 / 3;

/** A journal this much beyond its bound is emptied as fast as the disk allows. */
const hurryFactor = 1.1;

/** Who paces itself looks so often whether it still may. */
const pauseMsMax = 100;

/** Beyond this, whoever appends much should wait. */
const reliefFactor = 1.5;

/**
 * Moves committed entries that outlive the journal's window into the segments of their groups, so that the
 * journal's oldest files can be used again. One run at a time: write, sync every segment that was touched,
 * sync the directory, then a checkpoint. Until that is durable the journal still has everything.
 */
export class Destager {
  readonly #options: DestagerOptions;
  #running: Promise<void> = Promise.resolve();
  #isRunning = false;
  #isStopped = false;
  /** There was no room for the last run: the next one is smaller. */
  #isShort = false;
  /** When all that was written is paid for, at the configured rate. */
  #pacedUntilMs = 0;
  /** Who wants to change the groups' history, and waits for the run to end. */
  #waitingCount = 0;
  #movedBytes = 0;
  #writtenBytes = 0;
  #runCount = 0;

  constructor(options: DestagerOptions) {
    this.#options = options;
  }

  get statistics(): DestageStatistics {
    return { movedBytes: this.#movedBytes, runCount: this.#runCount };
  }

  /**
   * Settles when the journal is nearer to its bound; `undefined` where it is near enough, or nothing moves. Whoever
   * appends much should wait for it: files that are used again cost half of what new ones do.
   */
  get relief(): Promise<void> | undefined {
    const { config, journal } = this.#options;
    const isLate = journal.fileBytes > config.journalBytesMax * reliefFactor;
    return isLate && this.#isRunning ? this.#running : undefined;
  }

  /** What runs have written since the store was opened, whatever came of them. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Begins a run where the journal has outgrown its bound and none is under way. */
  poke(): void {
    if (this.#isRunning || this.#isStopped || this.#targetSequence() === undefined) return;
    if (this.#options.isDiskFull() && !this.#hasRoomForOldest()) return;
    this.#isRunning = true;
    void this.exclusively(async () => {
      const target = this.#targetSequence();
      if (target !== undefined) await this.#run(target);
    })
      .catch(() => undefined) // Was logged, and is tried again with the next poke.
      .finally(() => {
        this.#isRunning = false;
      });
  }

  /**
   * For a full disk: gives up the journal's files that hold nothing but what was deleted, cut or moved, however
   * small the journal is. Takes no room but the checkpoint's.
   */
  dropUnwanted(): Promise<void> {
    return this.exclusively(async () => {
      const { journal } = this.#options;
      const drops: (readonly [GroupState, number])[] = [];
      let startSequence = journal.activeSequence;
      for (const state of this.#options.groups()) {
        if (state.isBroken) continue;
        const { index } = state;
        const end = Math.min(lastMovable(state, journal.activeSequence - 1), lastDroppable(state));
        if (end > index.movedIndex) drops.push([state, end]);
        const next = Math.max(end, index.movedIndex) + 1;
        if (next > index.lastIndex) continue;
        startSequence = Math.min(startSequence, index.locate(next).sequence);
      }
      const oldest = Math.min(...journal.files.keys());
      if (oldest < startSequence && !this.#isStopped) await this.#move(drops);
    });
  }

  /**
   * Moves everything of one group up to `index`, which is committed and durable, and runs `then` before
   * anything else moves. Rejects where that cannot be.
   */
  moveGroup(state: GroupState, index: number, then: () => void): Promise<void> {
    return this.exclusively(async () => {
      if (index > state.index.movedIndex) await this.#move([[state, index]]);
      then();
    });
  }

  /** Runs `work` while nothing moves: for all else that changes which segments a group has. */
  exclusively(work: () => Promise<void>): Promise<void> {
    this.#waitingCount++;
    const done = this.#running.then(() => {
      this.#waitingCount--;
      return work();
    });
    this.#running = done.catch(() => undefined);
    return done;
  }

  /** Ends what is under way at the next chunk: the journal still has all of it. Nothing begins any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /**
   * The last journal file to be emptied: the oldest two thirds of a journal that is larger than it should be. Where
   * there is little room only the oldest file, which gives back what it takes.
   */
  #targetSequence(): number | undefined {
    const { config, isDiskFull, journal } = this.#options;
    if (journal.fileBytes <= config.journalBytesMax) return undefined; // Asked with every append.
    const sizes = [...journal.files.values()].map((file) => [file.sequence, file.filledBytes]);
    let bytes = sizes.reduce((sum, [, size]) => sum + (size ?? 0), 0);
    let target: number | undefined;
    for (const [sequence = 0, size = 0] of sizes.sort(([a = 0], [b = 0]) => a - b)) {
      if (sequence >= journal.activeSequence || bytes <= config.journalBytesMax * keptShare) break;
      target = sequence;
      bytes -= size;
      if (this.#isShort || isDiskFull()) break;
    }
    return target;
  }

  /**
   * Whether the journal's oldest file can be emptied on a full disk, which gives back what it takes: all behind it may be
   * there for the sake of a few entries in it.
   */
  #hasRoomForOldest(): boolean {
    const { freeBytes, journal } = this.#options;
    const oldest = journal.files.get(Math.min(...journal.files.keys()));
    return (oldest?.filledBytes ?? 0) <= freeBytes();
  }

  async #run(target: number): Promise<void> {
    const moves: (readonly [GroupState, number])[] = [];
    for (const state of this.#options.groups()) {
      const endIndex = lastMovable(state, target);
      if (endIndex > state.index.movedIndex) moves.push([state, endIndex]);
    }
    await this.#copyForward(target);
    await this.#move(moves);
  }

  /**
   * Entries that are not committed cannot move, and must not keep the journal of all other groups for as long as
   * theirs has no majority: they are written once more at the journal's end.
   */
  async #copyForward(target: number): Promise<void> {
    if (this.#options.isDiskFull()) return;
    for (const state of this.#options.groups()) {
      const { index } = state;
      const first = lastMovable(state, target) + 1;
      const isPinning = first <= index.lastIndex && index.locate(first).sequence <= target;
      if (!isPinning || state.isBroken || state.isStuck || this.#isStopped) continue;
      const { replacements } = state;
      const entries = await this.#readOwn(state, first);
      // Where some were added or replaced meanwhile, the next run looks again.
      const isSame = state.replacements === replacements && !state.isDeleted;
      if (entries === undefined || !isSame || index.lastIndex !== entries.at(-1)?.index) continue;
      this.#options.copyForward(state, entries);
    }
  }

  async #readOwn(state: GroupState, first: number): Promise<readonly LogEntry[] | undefined> {
    const { cached, index } = state;
    const shapes = Array.from({ length: index.lastIndex - first + 1 }, (_, row) => {
      const at = first + row;
      return { index: at, term: index.term(at), type: index.type(at), location: index.locate(at) };
    });
    const known = shapes.map((shape) => cached.get(shape.index)?.data);
    const missing = shapes.filter((_, row) => known[row] === undefined);
    try {
      const read = await this.#options.entries.read(missing.map(({ location }) => location));
      let next = 0;
      return shapes.map(({ index: at, term, type }, row) => {
        const data = known[row] ?? read[next++] ?? new Uint8Array(0);
        return { index: at, term, type, data };
      });
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      state.isStuck = true;
      this.#options.onDamaged(state, error);
      return undefined;
    }
  }

  async #move(moves: readonly (readonly [GroupState, number])[]): Promise<void> {
    const { checkpoint, disk, directory, isDiskFull, logger } = this.#options;
    const done: GroupMove[] = [];
    // What began with room ends where there is none any more: it gives back what it took. What begins without is
    // there to make room.
    const isGivenUp = isDiskFull() ? (): boolean => false : isDiskFull;
    const pace = (bytes: number): Promise<void> => this.#pace(bytes, isGivenUp);
    try {
      for (let first = 0; first < moves.length; first += openMovesMax) {
        const some = moves.slice(first, first + openMovesMax);
        const open = some.map(([state, end]) => new GroupMove(this.#options, state, end, pace));
        done.push(...open);
        await atOnce(movesAtOnce, open, (move) => move.write());
        await atOnce(movesAtOnce, open, (move) => move.sync());
      }
      if (done.some(({ hasNewFiles }) => hasNewFiles)) await disk.syncDirectory(directory);
    } catch (cause) {
      for (const move of done) await move.abandon().catch(() => undefined);
      throw this.#failed(cause);
    }
    for (const move of done) {
      move.apply();
      this.#movedBytes += move.movedBytes;
    }
    await checkpoint.write();
    this.#isShort = false;
    this.#runCount++;
    logger.debug("Entries were moved from the journal to segments.", { groups: done.length });
  }

  // The journal has everything that was to be moved. But a disk that could not take a segment is not one
  // to acknowledge records on.
  #failed(cause: unknown): unknown {
    const { logger, onFailed } = this.#options;
    if (this.#isStopped) return cause;
    logger.error("Entries could not be moved from the journal to segments.", { cause });
    const isPassing = cause instanceof DiskError && cause.code === "FULL";
    this.#isShort = isPassing;
    if (isPassing || cause instanceof LogError) return cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const failure = new LogError("STORAGE_FAILED", `Cannot write a segment: ${reason}`, cause);
    onFailed(failure);
    return failure;
  }

  async #pace(bytes: number, isGivenUp: () => boolean): Promise<void> {
    this.#writtenBytes += bytes;
    if (isGivenUp())
      throw new DiskError("FULL", "The disk is full: moving waits until there is room");
    const { clock, config } = this.#options;
    const rate = config.destageBytesPerSecondMax;
    // All groups together, however many of them move at once.
    const nowMs = clock.monotonicMs();
    if (rate > 0) {
      this.#pacedUntilMs = Math.max(this.#pacedUntilMs, nowMs) + (bytes * 1000) / rate;
    }
    const untilMs = rate > 0 ? this.#pacedUntilMs : nowMs;
    for (;;) {
      if (this.#isStopped) throw new LogError("STORE_CLOSED", "The store is closed");
      const leftMs = untilMs - clock.monotonicMs();
      if (leftMs <= 0 || this.#isHurried()) return;
      await new Promise<void>((resolve) => {
        clock.setTimer(Math.min(leftMs, pauseMsMax), resolve);
      });
    }
  }

  /** Whether nobody may be kept waiting for the rate's sake. */
  #isHurried(): boolean {
    const { config, journal } = this.#options;
    const isLate = journal.fileBytes > config.journalBytesMax * hurryFactor;
    if (isLate) this.#pacedUntilMs = 0;
    return isLate || this.#waitingCount > 0;
  }
}

/** Does `work` for every item, so many at once. Rejects with the first failure, when all that began has ended. */
async function atOnce<T>(
  count: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  let failure: { readonly cause: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (const item of left) {
      if (failure !== undefined) return;
      try {
        await work(item);
      } catch (cause) {
        failure ??= { cause };
      }
    }
  };
  await Promise.all(Array.from({ length: count }, worker));
  if (failure !== undefined) throw failure.cause;
}

/** The last committed entry in the journal's files up to `target`; `movedIndex` where there is none. */
function lastMovable(
  { committedIndex, hardState, index, isBroken, isStuck }: GroupState,
  target: number,
): number {
  if (isBroken || isStuck) return index.movedIndex;
  let low = index.movedIndex;
  let high = Math.min(Math.max(committedIndex, hardState.commit), index.lastIndex);
  // Entries lie in the journal in the order of their indexes.
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (index.locate(middle).sequence <= target) low = middle;
    else high = middle - 1;
  }
  return low;
}
