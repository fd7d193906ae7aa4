import { setTimeout as delay } from "node:timers/promises";
import type { GroupLog, HardState, LogEntry, LogStore } from "@ropewalk/log";
import { batchHeaderBytes } from "@ropewalk/protocol";
import type { SeededRandom } from "../../packages/log/fakes/seeded-random.ts";
import { sampleBatch, stampCrc } from "../../packages/log/fakes/store-harness.ts";
import {
  machineMs,
  nameOf,
  printOf,
  type Step,
  type WriterReport,
  type WriterTask,
} from "./writer-report.ts";

const groupsMax = 24;
const appendsInFlightMax = 64;
const groupsPerAppendMax = 6;
const entriesPerWriteMax = 3;
const smallDataBytes = 4096;
const largeDataBytes = 400 * 1024;
const largePercent = 3;
const internalDataBytes = 500;
/** Longer than the store waits before it marks its end. */
const pauseMs = 130;

interface PlannedEntry {
  readonly entry: LogEntry;
  readonly recordCount: number;
}

/** Appends, replaces, creates and deletes at random, as fast as the store takes it, and says so. */
export class RandomLoad {
  readonly #store: LogStore;
  readonly #random: SeededRandom;
  readonly #tell: (report: WriterReport) => void;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #inFlightMax: number;
  #write: number;
  #nextGroupId: number;

  constructor(
    store: LogStore,
    random: SeededRandom,
    task: WriterTask,
    tell: (report: WriterReport) => void,
  ) {
    this.#store = store;
    this.#random = random;
    this.#tell = tell;
    this.#inFlightMax = 1 + random.integer(appendsInFlightMax);
    this.#write = task.lastWrite;
    this.#nextGroupId = task.nextGroupId;
  }

  /** Rejects with the store's error when the store fails. */
  async run(appendsMax: number): Promise<void> {
    for (let count = 0; count < appendsMax; count++) {
      const groups = [...this.#store.groups()];
      if (groups.length < groupsMax || this.#random.chance(3)) this.#addGroup();
      if (groups.length >= groupsMax && this.#random.chance(6)) this.#deleteOldest(groups);
      if (this.#random.chance(2)) this.#cut();
      this.#append();
      while (this.#inFlight.size >= this.#inFlightMax) await Promise.race(this.#inFlight);
      if (this.#random.chance(1)) await delay(pauseMs);
    }
    await Promise.all(this.#inFlight);
  }

  #addGroup(): void {
    const incarnation = 1 + this.#random.integer(3);
    this.#store.createGroup({ groupId: this.#nextGroupId++, incarnation }, "neverExisted");
  }

  /** Lets some committed history go: what is still there must be what it was. */
  #cut(): void {
    const groups = [...this.#store.groups()].filter(({ hardState }) => hardState.commit > 1);
    const group = groups[this.#random.integer(Math.max(1, groups.length))];
    if (group === undefined) return;
    const { commit } = group.hardState;
    const index = 1 + this.#random.integer(commit);
    const cut = this.#store
      .saveImage(group, commit, Buffer.from(`${nameOf(group)} ${commit}`))
      .then(() => this.#store.cut(group, { index }));
    const owned = cut.then(
      () => void this.#inFlight.delete(owned),
      (error: unknown) => {
        this.#inFlight.delete(owned);
        // A group that was deleted meanwhile has no history; what else fails ends the run.
        if (this.#store.group(group.key) === group) throw error;
      },
    );
    owned.catch(() => undefined);
    this.#inFlight.add(owned);
  }

  #deleteOldest(groups: readonly GroupLog[]): void {
    const oldest = groups.toSorted((left, right) => left.key.groupId - right.key.groupId)[0];
    if (oldest === undefined) return;
    const write = ++this.#write;
    this.#tell({ kind: "intends", steps: [{ kind: "delete", write, group: nameOf(oldest) }] });
    this.#own(write, this.#store.deleteGroup(oldest.key));
  }

  #append(): void {
    const groups = [...this.#store.groups()];
    const writes = [];
    const steps: Step[] = [];
    for (let left = 1 + this.#random.integer(groupsPerAppendMax); left > 0; left--) {
      const [group] = groups.splice(this.#random.integer(groups.length), 1);
      if (group === undefined) break;
      const planned = this.#planEntries(group);
      const hardState = this.#planHardState(group, planned[0]?.entry);
      writes.push({ group, hardState, entries: planned.map(({ entry }) => entry) });
      steps.push(this.#stepOf(group, hardState, planned));
    }
    const write = this.#write;
    this.#tell({ kind: "intends", steps });
    this.#own(write, this.#store.append(writes));
  }

  #planEntries(group: GroupLog): PlannedEntry[] {
    // Now and then a new leader replaces the end of the log, as far as it is not committed.
    const replaced = this.#random.chance(8) ? this.#random.integer(4) : 0;
    const first = Math.max(group.hardState.commit + 1, group.lastIndex() + 1 - replaced);
    const isNewTerm = replaced > 0 || group.hardState.term === 0 || this.#random.chance(2);
    const term = group.hardState.term + (isNewTerm ? 1 : 0);
    let offset = group.offsetAfter(first - 1);
    return Array.from({ length: this.#random.integer(entriesPerWriteMax + 1) }, (_, row) => {
      const planned = this.#planEntry(first + row, term, offset);
      offset += planned.recordCount;
      return planned;
    });
  }

  #planEntry(index: number, term: number, offset: number): PlannedEntry {
    const fill = this.#random.integer(256);
    if (this.#random.chance(10)) {
      const type = this.#random.chance(30) ? "confChange" : "normal";
      const data = Buffer.alloc(this.#random.integer(internalDataBytes), fill);
      return { entry: { index, term, type, data }, recordCount: 0 };
    }
    const bodyBytes = this.#random.integer(
      this.#random.chance(largePercent) ? largeDataBytes : smallDataBytes,
    );
    const recordCount = 1 + this.#random.integer(20);
    const data = sampleBatch(offset, recordCount, batchHeaderBytes + bodyBytes, fill);
    for (let at = batchHeaderBytes; at < data.length; at += 512)
      data[at] = this.#random.integer(256);
    stampCrc(data);
    return { entry: { index, term, type: "normal", data }, recordCount };
  }

  #planHardState(group: GroupLog, first: LogEntry | undefined): HardState | undefined {
    const { term, vote, commit } = group.hardState;
    const next = first?.term ?? term + this.#random.integer(2);
    if (next === term && this.#random.chance(30)) return undefined;
    return {
      term: next,
      vote: next > term ? 1 + this.#random.integer(3) : vote,
      commit: Math.max(commit, (first?.index ?? 1) - 1),
    };
  }

  #stepOf(
    group: GroupLog,
    hardState: HardState | undefined,
    planned: readonly PlannedEntry[],
  ): Step {
    const firstIndex = planned[0]?.entry.index ?? group.lastIndex() + 1;
    const recordCount = planned.reduce((sum, each) => sum + each.recordCount, 0);
    return {
      kind: "write",
      write: ++this.#write,
      group: nameOf(group),
      hardState,
      firstIndex,
      entries: planned.map(({ entry }) => printOf(entry)),
      endOffset: group.offsetAfter(firstIndex - 1) + recordCount,
    };
  }

  #own(write: number, done: Promise<void>): void {
    const told = done.then(() => this.#tell({ kind: "acknowledged", write, atMs: machineMs() }));
    const owned = told.then(() => void this.#inFlight.delete(owned));
    // Who waits for one of them learns of a failure; it stays in flight until then.
    owned.catch(() => undefined);
    this.#inFlight.add(owned);
  }
}
