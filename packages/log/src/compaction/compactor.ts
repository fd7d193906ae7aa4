import type { Clock, Disk, Random } from "@ropewalk/runtime";
import { batchCoverage } from "../batch-coverage.ts";
import type { GroupState } from "../group-state.ts";
import { LogError } from "../log-error.ts";
import type { Chunk } from "../segment/segment-chunk.ts";
import type { SegmentInfo } from "../segment/segment-info.ts";
import type { SegmentReader } from "../segment/segment-reader.ts";
import { BatchCleaner } from "./batch-cleaner.ts";
import { CleanedSegment } from "./cleaned-segment.ts";
import {
  type CompactionConfig,
  type CompactionPlan,
  type CompactionSegment,
  planCompaction,
} from "./compaction-policy.ts";
import { DirtySection } from "./dirty-section.ts";
import { KeyMap } from "./key-map.ts";
import { groupSegments } from "./segment-groups.ts";

/** How one group is to be compacted. */
export interface CompactionRequest {
  readonly config: CompactionConfig;
  /** Below this offset nothing changes any more. */
  readonly committedOffset: number;
  readonly random: Random;
}

/** What a compaction did. */
export interface CompactionOutcome {
  readonly reason: string;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly recordsRemoved: number;
  /** The last entry that is in compacted segments now. */
  readonly lastIndex: number;
}

/** What the compactor works with. */
export interface CompactorOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly clock: Clock;
  readonly segments: SegmentReader;
  readonly keyMapBytesMax: number;
  readonly segmentBytesMax: number;
  /** Bytes read and written a second at most; 0: as fast as it goes. */
  readonly bytesPerSecondMax: number;
  readonly takeFileId: () => number;
}

/** A sealed segment as the policy looks at it. */
interface PlannedSegment extends CompactionSegment {
  readonly info: SegmentInfo;
}

/** New segments beside those that they replace; nothing counts before its owner says so. */
export interface CompactedSegments {
  readonly replaced: readonly SegmentInfo[];
  readonly written: readonly SegmentInfo[];
  readonly outcome: CompactionOutcome;
}

/**
 * Compacts the sealed segments of a group by key: reads the dirty ones for the latest offset of each key, then
 * writes clean and dirty ones anew with only what is still valid. Reads and writes at a bounded rate.
 */
export class Compactor {
  readonly #options: CompactorOptions;
  #isStopped = false;

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  /** What is under way fails with STORE_CLOSED, and changes nothing. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Why a group should be compacted now; `undefined`: not yet. */
  plan(
    state: GroupState,
    { committedOffset, config }: CompactionRequest,
  ): CompactionPlan<PlannedSegment> | undefined {
    const nowMs = this.#options.clock.wallMs();
    const sealed = state.segments.filter(({ isSealed }) => isSealed);
    const segments = sealed.map((info, row) => planned(info, sealed[row + 1]));
    return planCompaction({ segments, config, nowMs, committedOffset });
  }

  /** Writes the compacted segments and syncs them; `undefined` where the key map is too small for even one batch. */
  async write(
    state: GroupState,
    plan: CompactionPlan<PlannedSegment>,
    request: CompactionRequest,
  ): Promise<CompactedSegments | undefined> {
    const dirtyStart = plan.dirty[0]?.baseOffset ?? plan.clean.at(-1)?.endOffset ?? 0;
    const section = await this.#readDirty(state, plan, dirtyStart, request);
    if (plan.dirty.length > 0 && section.endOffset === dirtyStart) return undefined;
    const cleaner = new BatchCleaner({
      section,
      nowMs: this.#options.clock.wallMs(),
      deleteRetentionMs: request.config.deleteRetentionMs,
      // Producers' sequences are in the group's image, which contains all that is compacted.
      isLastOfProducer: () => false,
    });
    const all = [...plan.clean, ...plan.dirty];
    const bytesMax = state.segmentBytesMax ?? this.#options.segmentBytesMax;
    const { groups, split } = groupSegments(all, section.endOffset, bytesMax);
    const outputs: CleanedSegment[] = [];
    try {
      for (const group of groups) {
        await this.#clean(outputs, state, group, cleaner, section.endOffset);
      }
      if (split !== undefined) {
        await this.#clean(outputs, state, [split], cleaner, section.endOffset);
        await this.#copyRest(outputs, state, split, section.endOffset);
      }
      const replaced = [...groups.flat(), ...(split === undefined ? [] : [split])];
      return compacted(replaced, outputs, plan.reason, cleaner.statistics.recordsRemoved);
    } catch (error) {
      for (const output of outputs) await output.abandon();
      throw error;
    }
  }

  async #readDirty(
    state: GroupState,
    { dirty }: CompactionPlan<PlannedSegment>,
    startOffset: number,
    { random }: CompactionRequest,
  ): Promise<DirtySection> {
    const keyMap = new KeyMap(random, { bytesMax: this.#options.keyMapBytesMax });
    const section = new DirtySection({ keyMap, startOffset, isAborted: () => false });
    for (const { info } of dirty) {
      for await (const chunk of this.#chunks(state, info)) {
        for (const entry of chunk.entries) {
          const isBatch = batchCoverage(entry.type, entry.data) !== undefined;
          if (isBatch && !section.add(entry.data)) return section;
        }
      }
    }
    return section;
  }

  /** One segment in place of several. What is at or behind `endOffset` is left out. */
  async #clean(
    outputs: CleanedSegment[],
    state: GroupState,
    group: readonly PlannedSegment[],
    cleaner: BatchCleaner,
    endOffset: number,
  ): Promise<void> {
    const output = await this.#output(state, group, true);
    outputs.push(output);
    for (const { info } of group) {
      for await (const chunk of this.#chunks(state, info)) {
        for (const entry of chunk.entries) {
          const coverage = batchCoverage(entry.type, entry.data);
          if (coverage !== undefined && coverage.baseOffset >= endOffset) {
            await output.finish(entry.index - 1, endOffset);
            return;
          }
          // Elections and commands are in the image, and cover no records.
          const data = coverage === undefined ? undefined : cleaner.clean(entry.data);
          if (data !== undefined) await output.add({ ...entry, data });
        }
      }
    }
    const last = group.at(-1)?.info;
    await output.finish(last?.lastIndex ?? 0, last?.endOffset ?? 0);
  }

  /** The part of a segment that the key map had no room for, as it is. */
  async #copyRest(
    outputs: CleanedSegment[],
    state: GroupState,
    split: PlannedSegment,
    startOffset: number,
  ): Promise<void> {
    const { info } = split;
    let output: CleanedSegment | undefined;
    for await (const chunk of this.#chunks(state, info)) {
      for (const entry of chunk.entries) {
        const coverage = batchCoverage(entry.type, entry.data);
        const isRest = coverage !== undefined && coverage.baseOffset >= startOffset;
        if (output === undefined && !isRest) continue;
        if (output === undefined) {
          const rest = { ...info, firstIndex: entry.index, baseOffset: startOffset };
          output = await this.#output(state, [{ ...split, info: rest }], false);
          outputs.push(output);
        }
        await output.add(entry);
      }
    }
    if (output === undefined) throw new LogError("DATA_DAMAGED", "a segment ends before its end");
    await output.finish(info.lastIndex, info.endOffset);
  }

  async #output(
    { key }: GroupState,
    group: readonly PlannedSegment[],
    isCompacted: boolean,
  ): Promise<CleanedSegment> {
    const { disk, segments, takeFileId } = this.#options;
    const first = group[0]?.info;
    const fileId = takeFileId();
    const path = segments.pathOf(key, { fileId });
    return CleanedSegment.create(disk, path, key, {
      fileId,
      firstIndex: first?.firstIndex ?? 1,
      baseOffset: first?.baseOffset ?? 0,
      createdMs: first?.createdMs ?? 0,
      isCompacted,
    });
  }

  async *#chunks({ key }: GroupState, info: SegmentInfo): AsyncGenerator<Chunk, void> {
    const { segments } = this.#options;
    for (const row of await segments.rows(key, info)) {
      yield await segments.readChunk(key, info, row, Buffer.allocUnsafeSlow(row.bytes));
      await this.#pace(row.bytes);
    }
  }

  async #pace(bytes: number): Promise<void> {
    const { bytesPerSecondMax, clock } = this.#options;
    if (this.#isStopped) throw new LogError("STORE_CLOSED", "The store is closed");
    if (bytesPerSecondMax === 0) return;
    const pauseMs = (bytes * 1000) / bytesPerSecondMax;
    await new Promise<void>((resolve) => void clock.setTimer(pauseMs, resolve));
  }
}

function planned(info: SegmentInfo, next: SegmentInfo | undefined): PlannedSegment {
  const { baseOffset, chunksEnd, deleteHorizonMs, endOffset } = info;
  const { firstIndex, isCompacted, lastIndex, maxTimestampMs } = info;
  const common = { firstIndex, lastIndex, baseOffset, endOffset, maxTimestampMs, isCompacted };
  const horizon = deleteHorizonMs === 0 ? {} : { deleteHorizonMs };
  // Its last addition came before the next one was begun.
  const sealed = next === undefined ? {} : { sealedMs: next.createdMs };
  return { ...common, ...horizon, ...sealed, sizeBytes: chunksEnd, info };
}

function compacted(
  replaced: readonly PlannedSegment[],
  outputs: readonly CleanedSegment[],
  reason: string,
  recordsRemoved: number,
): CompactedSegments {
  const written = outputs.map(({ info }) => info);
  const sum = (infos: readonly SegmentInfo[]): number =>
    infos.reduce((bytes, { chunksEnd }) => bytes + chunksEnd, 0);
  const infos = replaced.map(({ info }) => info);
  const lastIndex = written.findLast(({ isCompacted }) => isCompacted)?.lastIndex ?? 0;
  const bytes = { bytesBefore: sum(infos), bytesAfter: sum(written) };
  return { replaced: infos, written, outcome: { reason, ...bytes, recordsRemoved, lastIndex } };
}
