import assert from "node:assert/strict";
import { expect, test } from "vitest";
import type { GroupKey, HardState, LogEntry } from "./log-entry.ts";
import { emptyHardState, groupName } from "./log-entry.ts";
import type { GroupLog } from "./group-log.ts";
import type { LogStore } from "./log-store.ts";
import { SeededRandom } from "../fakes/seeded-random.ts";
import { SimulatedDisk } from "../fakes/simulated-disk.ts";
import {
  directory,
  ManualClock,
  keyOf,
  openStore,
  sampleBatch,
  sampleEntry,
  smallConfig,
} from "../fakes/store-harness.ts";

const seedCount = Number(process.env["LOG_MODEL_SEEDS"] ?? 50);
const firstSeed = Number(process.env["LOG_MODEL_SEED"] ?? 1);
const livesPerSeed = 6;
const stepsPerLife = 25;

interface ModelGroup {
  readonly key: GroupKey;
  readonly hardState: HardState;
  /** From index 1 on, also those that were cut. */
  readonly entries: readonly LogEntry[];
}

/** Entries up to here never change: by group, over all lives. */
type Committed = Map<string, number>;

/** One atomic step of the journal, as a change of the model. */
interface Step {
  readonly groupName: string;
  readonly after: ModelGroup | undefined;
  acknowledged: boolean;
}

type Model = Map<string, ModelGroup>;

/** A life of the store: random writes until the disk dies, or a clean end. */
class Life {
  readonly steps: Step[] = [];
  readonly #random: SeededRandom;
  readonly #store: LogStore;
  readonly #live: Model;
  readonly #clock: ManualClock;
  readonly #committed: Committed;
  readonly #pending: Promise<void>[] = [];
  #appends = 0;
  #lastResolved = 0;

  constructor(
    random: SeededRandom,
    store: LogStore,
    model: Model,
    clock: ManualClock,
    committed: Committed,
  ) {
    this.#clock = clock;
    this.#committed = committed;
    this.#random = random;
    this.#store = store;
    this.#live = new Map(model);
  }

  async run(nextGroupId: () => number): Promise<void> {
    for (let step = 0; step < stepsPerLife; step++) {
      if (this.#store.failed !== undefined) break;
      if (this.#random.chance(5)) this.#delete();
      else if (this.#random.chance(6)) this.#cut();
      else this.#append(nextGroupId);
      if (this.#random.chance(20)) await this.#checkReads();
      if (this.#random.chance(20)) this.#clock.advance(1000);
      if (this.#random.chance(40)) await this.#pending.at(-1);
    }
    await Promise.all(this.#pending);
  }

  #append(nextGroupId: () => number): void {
    const writes = [];
    const steps: Step[] = [];
    for (let count = 1 + this.#random.integer(3); count > 0; count--) {
      const group = this.#pickGroup(nextGroupId);
      const before = this.#live.get(groupName(group.key));
      const after = this.#change(before ?? emptyGroup(group.key));
      const changed = this.#changedEntries(before, after);
      writes.push({ group, hardState: after.hardState, entries: changed });
      // Within one append every group is changed once more on top of the last change.
      this.#live.set(groupName(group.key), after);
      steps.push({ groupName: groupName(group.key), after, acknowledged: false });
    }
    this.steps.push(...steps);
    const number = ++this.#appends;
    const appended = this.#store.append(writes).then(() => {
      expect(number, "appends resolve in order").toBeGreaterThan(this.#lastResolved);
      this.#lastResolved = number;
    });
    this.#watch(appended, steps);
    for (const { group } of writes) this.#commit(group);
  }

  #commit(group: GroupLog): void {
    const name = groupName(group.key);
    const committed = this.#committed.get(name) ?? 0;
    const index = Math.max(committed, group.lastIndex() - this.#random.integer(4));
    this.#committed.set(name, index);
    group.markCommitted(index);
  }

  /** Forgets some history, as retention does: not a step, for it changes nothing that is compared. */
  #cut(): void {
    const names = [...this.#live.keys()];
    const name = names[this.#random.integer(Math.max(1, names.length))];
    const group =
      name === undefined ? undefined : this.#store.group(this.#live.get(name)?.key ?? keyOf(0));
    const committed = this.#committed.get(name ?? "") ?? 0;
    if (group === undefined || committed < 2) return;
    const end = endOffsetOf((this.#live.get(name ?? "")?.entries ?? []).slice(0, committed));
    const startOffset = this.#random.integer(end + 1);
    const cut = this.#store
      .saveImage(group, committed, Buffer.from(`${name} ${committed}`))
      .then(() => this.#store.cut(group, { startOffset }))
      .catch(() => undefined);
    this.#pending.push(cut);
  }

  #delete(): void {
    const name = [...this.#live.keys()][this.#random.integer(this.#live.size + 1)];
    const group = name === undefined ? undefined : this.#live.get(name);
    if (name === undefined || group === undefined) return;
    this.#live.delete(name);
    const step: Step = { groupName: name, after: undefined, acknowledged: false };
    this.steps.push(step);
    this.#watch(this.#store.deleteGroup(group.key), [step]);
  }

  #watch(done: Promise<void>, steps: readonly Step[]): void {
    const settled = done.then(
      () => {
        for (const step of steps) step.acknowledged = true;
      },
      () => expect(this.#store.failed).toBeDefined(),
    );
    this.#pending.push(settled);
  }

  #pickGroup(nextGroupId: () => number): GroupLog {
    const names = [...this.#live.keys()];
    if (names.length < 4 && this.#random.chance(40)) return this.#create(nextGroupId);
    const name = names[this.#random.integer(Math.max(1, names.length))];
    const key = name === undefined ? undefined : this.#live.get(name)?.key;
    const group = key === undefined ? undefined : this.#store.group(key);
    return group ?? this.#create(nextGroupId);
  }

  #create(nextGroupId: () => number): GroupLog {
    return this.#store.createGroup(keyOf(nextGroupId(), 1 + this.#random.integer(3)));
  }

  /** A new hard state, and entries that continue the log or replace its end. */
  #change(before: ModelGroup): ModelGroup {
    const term = before.hardState.term + this.#random.integer(2);
    const commit = before.hardState.commit;
    const hardState = { term, vote: this.#random.integer(4), commit };
    const committed = Math.min(
      this.#committed.get(groupName(before.key)) ?? 0,
      before.entries.length,
    );
    const kept = this.#random.chance(25)
      ? committed + this.#random.integer(before.entries.length + 1 - committed)
      : before.entries.length;
    const entries = before.entries.slice(0, kept);
    for (let count = this.#random.integer(4); count > 0; count--) {
      entries.push(this.#entry(entries, term));
    }
    return entries.length === kept
      ? { ...before, hardState }
      : { key: before.key, hardState, entries };
  }

  #entry(before: readonly LogEntry[], term: number): LogEntry {
    const index = before.length + 1;
    if (this.#random.chance(20)) return sampleEntry(index, term, new Uint8Array(0));
    if (this.#random.chance(10)) {
      return { index, term, type: "confChangeV2", data: Buffer.alloc(this.#random.integer(90), 1) };
    }
    const bytes = this.#random.chance(4)
      ? 9000
      : 61 + this.#random.integer(this.#random.chance(20) ? 3000 : 200);
    const count = 1 + this.#random.integer(5);
    return sampleEntry(
      index,
      term,
      sampleBatch(endOffsetOf(before), count, bytes, this.#random.integer(256)),
    );
  }

  #changedEntries(before: ModelGroup | undefined, after: ModelGroup): readonly LogEntry[] {
    const old = before?.entries ?? [];
    const from = after.entries.findIndex((entry, row) => old[row] !== entry);
    return from === -1 ? [] : after.entries.slice(from);
  }

  async #checkReads(): Promise<void> {
    const names = [...this.#live.keys()];
    const model = this.#live.get(names[this.#random.integer(Math.max(1, names.length))] ?? "");
    const group = model === undefined ? undefined : this.#store.group(model.key);
    if (model !== undefined && group !== undefined) await checkReads(group, model, this.#random);
  }
}

function emptyGroup(key: GroupKey): ModelGroup {
  return { key, hardState: emptyHardState, entries: [] };
}

function coverageOf(entry: LogEntry): number {
  return entry.type === "normal" && entry.data.length >= 61
    ? Buffer.from(entry.data).readInt32BE(23) + 1
    : 0;
}

function endOffsetOf(entries: readonly LogEntry[]): number {
  return entries.reduce((offset, entry) => offset + coverageOf(entry), 0);
}

async function checkReads(group: GroupLog, model: ModelGroup, random: SeededRandom): Promise<void> {
  const offsets = model.entries.map((_, row) => endOffsetOf(model.entries.slice(0, row + 1)));
  const startOffset = group.startOffset();
  const endOffset = startOffset + random.integer((offsets.at(-1) ?? 0) + 2 - startOffset);
  const offset = startOffset + random.integer(endOffset + 1 - startOffset);
  const wanted = model.entries
    .filter(
      (entry, row) =>
        coverageOf(entry) > 0 && (offsets[row] ?? 0) > offset && (offsets[row] ?? 0) <= endOffset,
    )
    .map((entry) => entry.data);
  const read = await group.read(offset, endOffset, 700);
  expect(read.length > 0).toBe(wanted.length > 0);
  expect(read.length).toBeLessThanOrEqual(wanted.length);
  for (const [row, batch] of read.entries())
    expect(Buffer.compare(batch, wanted[row] ?? batch)).toBe(0);
}

async function readGroup(group: GroupLog): Promise<FoundGroup> {
  const entries: LogEntry[] = [];
  while (group.firstIndex() + entries.length <= group.lastIndex()) {
    const next = group.firstIndex() + entries.length;
    const end = group.lastIndex() + 1;
    const inMemory = group.entries(next, end, 5000);
    assert(inMemory !== "compacted" && inMemory !== "unavailable");
    entries.push(...(inMemory === "pending" ? await group.fetch(next, end, 5000) : inMemory));
  }
  for (const entry of entries) expect(group.term(entry.index)).toBe(entry.term);
  return { key: group.key, hardState: group.hardState, entries, group };
}

/** What a group shows: its entries are only those that were not cut. */
interface FoundGroup extends ModelGroup {
  readonly group: GroupLog;
}

function isSame(model: ModelGroup | undefined, found: FoundGroup | undefined): boolean {
  if (model === undefined || found === undefined) return model === found;
  const { term, vote } = found.hardState;
  if (term !== model.hardState.term || vote !== model.hardState.vote) return false;
  if (model.entries.length !== found.group.lastIndex()) return false;
  if (endOffsetOf(model.entries) !== found.group.endOffset()) return false;
  const kept = model.entries.slice(found.group.firstIndex() - 1);
  return JSON.stringify(kept, hexOfBytes) === JSON.stringify(found.entries, hexOfBytes);
}

function hexOfBytes(this: { data?: Uint8Array }, key: string, value: unknown): unknown {
  return key === "data" && this.data !== undefined ? Buffer.from(this.data).toString("hex") : value;
}

/** The model after the shortest prefix of the steps, all acknowledged ones included, that the store shows. */
async function matchPrefix(store: LogStore, before: Model, steps: readonly Step[]): Promise<Model> {
  const found = new Map<string, FoundGroup>();
  for (const group of store.groups()) {
    expect(group.quarantined).toBeUndefined();
    found.set(groupName(group.key), await readGroup(group));
  }
  const durable = steps.findLastIndex((step) => step.acknowledged) + 1;
  const model = new Map(before);
  for (const [count, step] of [...steps, undefined].entries()) {
    const isMatch = [...new Set([...model.keys(), ...found.keys()])].every((name) =>
      isSame(model.get(name), found.get(name)),
    );
    if (count >= durable && isMatch) return model;
    if (step?.after === undefined) model.delete(step?.groupName ?? "");
    else model.set(step.groupName, step.after);
  }
  throw new Error(
    `the store shows no prefix that has the ${durable} acknowledged of ${steps.length} steps`,
  );
}

async function runSeed(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const disk = new SimulatedDisk(random);
  let model: Model = new Map();
  const committed: Committed = new Map();
  let groupId = 0;
  for (let life = 0; life < livesPerSeed; life++) {
    const clock = new ManualClock();
    const store = await openStore(disk, smallConfig, undefined, clock);
    const ending = random.integer(4);
    if (ending > 0) disk.dieAfter(random.integer(60));
    const run = new Life(random, store, model, clock, committed);
    await run.run(() => ++groupId);
    await store.close().catch(() => undefined);
    if (ending === 3) disk.restartProcess();
    else disk.crash();
    // Recovery itself may be cut short, any number of times.
    while (random.chance(30)) {
      disk.dieAfter(random.integer(8));
      await openStore(disk, smallConfig).then(
        (opened) => opened.close().catch(() => undefined),
        () => undefined,
      );
      if (random.chance(50)) disk.crash();
      else disk.restartProcess();
    }
    const reopened = await openStore(disk, smallConfig);
    model = await matchPrefix(reopened, model, run.steps);
    for (const [name, index] of committed) {
      committed.set(name, Math.min(index, model.get(name)?.entries.length ?? 0));
    }
    await reopened.close();
  }
  expect(disk.paths().every((path) => path.startsWith(`${directory}/`))).toBe(true);
}

test(
  "LogStore.open() shows a prefix with everything acknowledged after any crash",
  { timeout: 600_000 },
  async () => {
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
      try {
        await runSeed(seed);
      } catch (error) {
        throw new Error(`Seed ${seed} (replay with LOG_MODEL_SEED=${seed} LOG_MODEL_SEEDS=1)`, {
          cause: error,
        });
      }
    }
  },
);
