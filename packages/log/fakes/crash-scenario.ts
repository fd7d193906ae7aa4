import {
  emptyGroup,
  endOffsetOf,
  type GroupPromises,
  imageBody,
  matchModel,
  type Model,
  type ModelGroup,
} from "./crash-model.ts";
import { SeededRandom } from "./seeded-random.ts";
import { type DiskOperation, type DiskSnapshot, SimulatedDisk } from "./simulated-disk.ts";
import type { UnsyncedWrite } from "./simulated-inode.ts";
import { keyOf, ManualClock, openStore, sampleBatch, sampleEntry } from "./store-harness.ts";
import type { GroupLog } from "../src/group-log.ts";
import type { LogConfig } from "../src/log-config.ts";
import { groupName, type LogEntry } from "../src/log-entry.ts";
import type { LogStore } from "../src/log-store.ts";
import type { GroupWrite } from "../src/store-options.ts";

/** A moment at which the power may go, and what must be found afterwards. */
export interface CrashMoment {
  readonly snapshot: DiskSnapshot;
  readonly operation: DiskOperation;
  readonly phase: "before" | "after";
  /** What was written, after a write. */
  readonly write: UnsyncedWrite | undefined;
  /** The states that may be found: the first one has all that was acknowledged, the last one all that was begun. */
  readonly models: readonly Model[];
  readonly promises: ReadonlyMap<string, GroupPromises>;
}

const livesPerScenario = 4;
const stepsPerLife = 13;
const groupsMax = 3;

/** Random appends, cuts, images, deletions and restarts on one disk, with every moment at which it changed. */
export class CrashScenario {
  readonly moments: CrashMoment[] = [];
  readonly #random: SeededRandom;
  readonly #config: LogConfig;
  #disk: SimulatedDisk;
  #clock = new ManualClock();
  #store: LogStore | undefined;
  /** States in order; those before `#acknowledged` are past. */
  #models: Model[] = [new Map()];
  #acknowledged = 0;
  readonly #committed = new Map<string, number>();
  readonly #promises = new Map<string, GroupPromises>();
  #groupId = 0;
  readonly #pending: Promise<void>[] = [];

  constructor(seed: number, config: LogConfig) {
    this.#random = new SeededRandom(seed);
    this.#config = config;
    this.#disk = new SimulatedDisk(this.#random);
  }

  /** Lives one life after the other, each with another end. */
  async run(): Promise<void> {
    for (let life = 0; life < livesPerScenario; life++) {
      this.#watch();
      await this.#open();
      for (let step = 0; step < stepsPerLife; step++) await this.#step();
      await Promise.all(this.#pending);
      const isClosed = this.#random.chance(60);
      if (isClosed) await this.#store?.close();
      if (!isClosed || this.#random.chance(50)) this.#cutPower();
    }
  }

  #watch(): void {
    this.#disk.observer = (operation, phase, write) => {
      const promises = [...this.#promises].map(([name, each]) => [name, { ...each }] as const);
      this.moments.push({
        snapshot: this.#disk.snapshot(),
        operation,
        phase,
        write,
        models: this.#models.slice(this.#acknowledged),
        promises: new Map(promises),
      });
    };
  }

  async #open(): Promise<void> {
    this.#clock = new ManualClock();
    this.#store = await openStore(this.#disk, this.#config, undefined, this.#clock);
    const found = await matchModel(this.#store, this.#models, this.#acknowledged);
    this.#models = this.#models.slice(0, found + 1);
    this.#acknowledged = found;
    for (const [name, index] of this.#committed) {
      this.#committed.set(name, Math.min(index, this.#model.get(name)?.entries.length ?? 0));
    }
  }

  /** All that was not synced is lost, in part or wholly. */
  #cutPower(): void {
    this.#disk.observer = undefined;
    const cut = { names: "any", writes: "any" } as const;
    this.#disk = SimulatedDisk.afterPowerCut(this.#disk.snapshot(), cut, this.#random);
  }

  get #model(): Model {
    return this.#models.at(-1) ?? new Map<string, ModelGroup>();
  }

  async #step(): Promise<void> {
    if (this.#random.chance(4)) this.#delete();
    else if (this.#random.chance(8)) this.#cut();
    else this.#append();
    if (this.#random.chance(10)) this.#clock.advance(1000);
    if (this.#random.chance(50)) await this.#pending.at(-1);
  }

  #append(): void {
    if (this.#store === undefined) return;
    const writes: GroupWrite[] = [];
    for (let count = 1 + this.#random.integer(2); count > 0; count--) {
      const group = this.#pick() ?? this.#create(this.#store);
      const name = groupName(group.key);
      const before = this.#model.get(name) ?? emptyGroup(group.key);
      const after = this.#change(before);
      const from = after.entries.findIndex((entry, row) => before.entries[row] !== entry);
      const entries = from === -1 ? [] : after.entries.slice(from);
      writes.push({ group, hardState: after.hardState, entries });
      this.#models.push(new Map(this.#model).set(name, after));
    }
    this.#acknowledge(this.#store.append(writes));
    for (const { group } of writes) {
      const name = groupName(group.key);
      const newest = group.lastIndex() - this.#random.integer(3);
      const index = Math.max(this.#committed.get(name) ?? 0, newest);
      this.#committed.set(name, index);
      group.markCommitted(index);
    }
  }

  #delete(): void {
    const group = this.#pick();
    if (this.#store === undefined || group === undefined) return;
    const model = new Map(this.#model);
    model.delete(groupName(group.key));
    this.#models.push(model);
    this.#acknowledge(this.#store.deleteGroup(group.key));
  }

  #cut(): void {
    const group = this.#pick();
    const name = group === undefined ? "" : groupName(group.key);
    const index = this.#committed.get(name) ?? 0;
    if (this.#store === undefined || group === undefined || index === 0) return;
    const store = this.#store;
    const end = endOffsetOf((this.#model.get(name)?.entries ?? []).slice(0, index));
    const startOffset = this.#random.integer(end + 1);
    const promises = this.#promises.get(name) ?? { imageIndex: 0, startOffsetMax: 0 };
    promises.startOffsetMax = Math.max(promises.startOffsetMax, startOffset);
    this.#promises.set(name, promises);
    const cut = store.saveImage(group, index, imageBody(group.key, index)).then(() => {
      promises.imageIndex = Math.max(promises.imageIndex, index);
      return store.group(group.key) === undefined ? undefined : store.cut(group, { startOffset });
    });
    this.#pending.push(cut);
  }

  #acknowledge(done: Promise<void>): void {
    const count = this.#models.length - 1;
    const acknowledged = done.then(() => {
      this.#acknowledged = Math.max(this.#acknowledged, count);
    });
    this.#pending.push(acknowledged);
  }

  #pick(): GroupLog | undefined {
    const groups = [...(this.#store?.groups() ?? [])];
    if (groups.length < groupsMax && this.#random.chance(30)) return undefined;
    return groups[this.#random.integer(Math.max(1, groups.length))];
  }

  #create(store: LogStore): GroupLog {
    return store.createGroup(keyOf(++this.#groupId));
  }

  /** A new hard state, and entries that continue the log or replace its end. */
  #change(before: ModelGroup): ModelGroup {
    const term = before.hardState.term + this.#random.integer(2);
    const hardState = { term, vote: this.#random.integer(3), commit: 0 };
    const { length } = before.entries;
    const committed = Math.min(this.#committed.get(groupName(before.key)) ?? 0, length);
    const kept = this.#random.chance(15)
      ? committed + this.#random.integer(length + 1 - committed)
      : length;
    const entries = before.entries.slice(0, kept);
    const count = kept < length ? 1 + this.#random.integer(3) : this.#random.integer(4);
    for (let left = count; left > 0; left--) entries.push(this.#entry(entries, term));
    return { key: before.key, hardState, entries };
  }

  #entry(before: readonly LogEntry[], term: number): LogEntry {
    const index = before.length + 1;
    if (this.#random.chance(15)) return sampleEntry(index, term, new Uint8Array(0));
    const bytes = 61 + this.#random.integer(this.#random.chance(10) ? 700 : 120);
    const data = sampleBatch(
      endOffsetOf(before),
      1 + this.#random.integer(3),
      bytes,
      this.#random.integer(256),
    );
    return sampleEntry(index, term, data);
  }
}
