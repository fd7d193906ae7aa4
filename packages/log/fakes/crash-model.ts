import assert from "node:assert/strict";
import { batchCoverage } from "../src/batch-coverage.ts";
import type { GroupLog } from "../src/group-log.ts";
import { emptyHardState, type GroupKey, groupName, type HardState } from "../src/log-entry.ts";
import type { LogEntry } from "../src/log-entry.ts";
import type { LogStore } from "../src/log-store.ts";

/** A group as an array. */
export interface ModelGroup {
  readonly key: GroupKey;
  readonly hardState: HardState;
  /** From index 1 on, also those that were cut. */
  readonly entries: readonly LogEntry[];
}

/** All groups; nobody changes one that is shared. */
export type Model = ReadonlyMap<string, ModelGroup>;

/** What was promised about a group beyond its records, as soon as the promise was kept. */
export interface GroupPromises {
  /** An image as of this entry is durable. */
  imageIndex: number;
  /** Whoever looks may find that history up to here is gone, for it was asked for. */
  startOffsetMax: number;
}

/** A group that nobody has written to. */
export function emptyGroup(key: GroupKey): ModelGroup {
  return { key, hardState: emptyHardState, entries: [] };
}

/** The offset after the last entry. */
export function endOffsetOf(entries: readonly LogEntry[]): number {
  let offset = 0;
  for (const { data, type } of entries) offset += batchCoverage(type, data)?.recordCount ?? 0;
  return offset;
}

/** What an image of a group contains. */
export function imageBody(key: GroupKey, index: number): Buffer {
  return Buffer.from(`image of ${groupName(key)} as of ${index}`);
}

/** The first model, from number `first` on, that the store shows. Asserts that there is one, and that nothing is damaged. */
export async function matchModel(
  store: LogStore,
  models: readonly Model[],
  first: number,
): Promise<number> {
  const groups = [...store.groups()];
  for (const group of groups) {
    assert(group.quarantined === undefined, `quarantined: ${group.quarantined?.message}`);
  }
  let cause: unknown;
  for (let number = first; number < models.length; number++) {
    const model = models[number];
    if (model === undefined || !isAlike(groups, model)) continue;
    try {
      for (const group of groups) await checkContent(group, model);
      return number;
    } catch (error) {
      cause = error; // The next one may be as long, of the same terms, and have other entries.
    }
  }
  const shown = groups.map((group) => `${groupName(group.key)} to ${group.lastIndex()}`);
  const states = `the states ${first} to ${models.length - 1}`;
  throw new Error(`none of ${states} is shown: ${shown.join()}`, { cause });
}

/** Whether terms, votes and the ends of all logs are those of the model. */
function isAlike(groups: readonly GroupLog[], model: Model): boolean {
  if (groups.length !== model.size) return false;
  return groups.every((group) => {
    const wanted = model.get(groupName(group.key));
    if (wanted === undefined || wanted.entries.length !== group.lastIndex()) return false;
    const { term, vote } = group.hardState;
    if (term !== wanted.hardState.term || vote !== wanted.hardState.vote) return false;
    const last = wanted.entries.at(-1);
    return last === undefined || group.term(last.index) === last.term;
  });
}

/** Every entry that Raft may be sent, and every batch that may be read. */
async function checkContent(group: GroupLog, model: Model): Promise<void> {
  const entries = model.get(groupName(group.key))?.entries ?? [];
  const endIndex = group.lastIndex() + 1;
  for (let next = group.firstIndex(); next < endIndex;) {
    const found = await group.fetch(next, endIndex, 100_000);
    assert(found.length > 0, `nothing at entry ${next}`);
    for (const entry of found) {
      const wanted = entries[next - 1];
      assert(wanted !== undefined && isSame(entry, wanted), `another entry ${next}`);
      next++;
    }
  }
  assert.equal(group.endOffset(), endOffsetOf(entries), "where the log ends");
  // What can be sent to Raft was compared; before it there may be more that can only be read by offset.
  const startOffset = group.startOffset();
  if (startOffset < endOffsetOf(entries.slice(0, group.firstIndex() - 1))) {
    await checkBatches(group, entries);
  }
}

/** Asserts that every batch can be read that a model has and that was not cut. */
export async function checkAllBatches(store: LogStore, model: Model): Promise<void> {
  for (const group of store.groups()) {
    await checkBatches(group, model.get(groupName(group.key))?.entries ?? []);
  }
}

async function checkBatches(group: GroupLog, entries: readonly LogEntry[]): Promise<void> {
  const endOffset = group.endOffset();
  let offset = group.startOffset();
  const wanted = entries.flatMap(({ data, type }) => {
    const coverage = batchCoverage(type, data);
    if (coverage === undefined || coverage.baseOffset + coverage.recordCount <= offset) return [];
    return [{ data, end: coverage.baseOffset + coverage.recordCount }];
  });
  for (let row = 0; row < wanted.length;) {
    for (const batch of await group.read(offset, endOffset, 100_000)) {
      const { data, end } = wanted[row] ?? { data: batch, end: 0 };
      assert(Buffer.compare(data, batch) === 0, `another batch at ${offset}`);
      offset = end;
      row++;
    }
    assert(row > 0, `nothing at offset ${offset}`);
  }
}

function isSame(left: LogEntry, right: LogEntry): boolean {
  const isTwin = left.index === right.index && left.term === right.term;
  return isTwin && left.type === right.type && Buffer.compare(left.data, right.data) === 0;
}

/** Asserts that images are as new as was promised, and that no more was cut than was asked for. */
export async function checkPromises(
  store: LogStore,
  promises: ReadonlyMap<string, GroupPromises>,
): Promise<void> {
  for (const group of store.groups()) {
    const name = groupName(group.key);
    const { imageIndex = 0, startOffsetMax = 0 } = promises.get(name) ?? {};
    const image = await store.image(group);
    assert((image?.index ?? 0) >= imageIndex, `the image of ${name} is from ${image?.index}`);
    if (image !== undefined) {
      assert(Buffer.compare(image.body, imageBody(group.key, image.index)) === 0, "another image");
    }
    assert(group.firstIndex() <= (image?.index ?? 0) + 1, `${name} begins behind its image`);
    assert(group.startOffset() <= startOffsetMax, `${name} begins at ${group.startOffset()}`);
  }
}
