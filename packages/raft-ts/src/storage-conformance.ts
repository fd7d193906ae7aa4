import { assert } from "./assert.ts";
import type { ConfState } from "./conf-state.ts";
import type { Entry } from "./entry.ts";
import type { HardState } from "./hard-state.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Storage } from "./storage.ts";

/** A storage under test, and how to write to it. Every write is durable when its promise resolves. */
export interface StorageUnderTest {
  readonly storage: Storage;
  /** Writes one unit: a snapshot first, then entries, then the hard state. */
  write(unit: {
    readonly snapshot?: Snapshot;
    readonly entries?: readonly Entry[];
    readonly hardState?: HardState;
  }): Promise<void>;
  /** Notes the membership as of the applied index. */
  setConfState(confState: ConfState): Promise<void>;
  /** Forgets the entries up to and including `index`, which were applied. */
  compact(index: number): Promise<void>;
  /** Waits until entries that were answered as "pending" are at hand. */
  fetched(): Promise<void>;
  /** Opens the same data again as after a crash; absent where nothing survives. */
  reopen?(): Promise<StorageUnderTest>;
}

/** One thing that every storage must do. `run` rejects when it does not. */
export interface StorageConformanceCase {
  readonly name: string;
  readonly run: (create: () => Promise<StorageUnderTest>) => Promise<void>;
}

/** The cases, for any test runner: `for (const c of storageConformanceCases) test(c.name, () => c.run(create))`. */
export const storageConformanceCases: readonly StorageConformanceCase[] = [
  {
    name: "an untouched log starts at index 1 and is empty",
    run: async (create) => {
      const { storage } = await create();
      expectEqual(storage.firstIndex(), 1, "firstIndex()");
      expectEqual(storage.lastIndex(), 0, "lastIndex()");
      expectEqual(storage.term(0), 0, "term(0)");
      expectEqual(storage.initialState().hardState, NO_HARD_STATE, "hardState");
    },
  },
  {
    name: "entries are read back by half-open ranges",
    run: async (create) => {
      const subject = await create();
      await subject.write({ entries: entriesOf([1, 1, 2, 2, 3]) });
      const { storage } = subject;
      expectEqual([storage.firstIndex(), storage.lastIndex()], [1, 5], "bounds");
      expectEqual(termsOf(await read(subject, 1, 6)), [1, 1, 2, 2, 3], "entries(1, 6)");
      expectEqual(termsOf(await read(subject, 2, 4)), [1, 2], "entries(2, 4)");
      expectEqual(termsOf(await read(subject, 5, 6)), [3], "entries(5, 6)");
    },
  },
  {
    name: "an entry keeps index, term, type and every byte of its data",
    run: async (create) => {
      const subject = await create();
      const data = Uint8Array.from({ length: 300 }, (_, position) => position % 256);
      const written: readonly Entry[] = [
        { index: 1, term: 4, type: "normal", data },
        { index: 2, term: 4, type: "confChangeV2", data: data.subarray(7, 40) },
        { index: 3, term: 5, type: "confChange", data: data.subarray(0, 1) },
        { index: 4, term: 5, type: "normal", data: data.subarray(0, 0) },
      ];
      await subject.write({ entries: written });
      expectEqual(plain(await read(subject, 1, 5)), plain(written), "entries(1, 5)");
    },
  },
  {
    name: "a limit in bytes never leaves out the first entry",
    run: async (create) => {
      const subject = await create();
      await subject.write({ entries: entriesOf([1, 1, 1], 100) });
      expectEqual((await read(subject, 1, 4, 0)).length, 1, "with a limit of 0");
      expectEqual((await read(subject, 1, 4, 50)).length, 1, "with half an entry");
      expectEqual((await read(subject, 1, 4, 10_000)).length, 3, "with room for all");
    },
  },
  {
    name: "a limit in bytes is kept from the second entry on",
    run: async (create) => {
      const subject = await create();
      await subject.write({ entries: entriesOf([1, 1, 1, 1], 100) });
      const page = await read(subject, 1, 5, 250);
      assert(page.length >= 1 && page.length <= 2, "a page of 250 bytes holds two entries of 100");
    },
  },
  {
    name: "an append replaces everything from its first index on",
    run: async (create) => {
      const subject = await create();
      await subject.write({ entries: entriesOf([1, 1, 1, 1, 1]) });
      await subject.write({ entries: entriesOf([2, 2], 3, 3) });
      expectEqual(subject.storage.lastIndex(), 4, "lastIndex()");
      expectEqual(termsOf(await read(subject, 1, 5)), [1, 1, 2, 2], "the log");
      expectEqual(subject.storage.term(3), 2, "term(3)");
    },
  },
  {
    name: "an append may replace the whole log",
    run: async (create) => {
      const subject = await create();
      await subject.write({ entries: entriesOf([1, 1, 1]) });
      await subject.write({ entries: entriesOf([2]) });
      expectEqual(subject.storage.lastIndex(), 1, "lastIndex()");
      expectEqual(termsOf(await read(subject, 1, 2)), [2], "the log");
    },
  },
  {
    name: "what was handed out does not change when the log does",
    run: async (create) => {
      const subject = await create();
      await subject.write({ entries: entriesOf([1, 1, 1]) });
      const page = await read(subject, 1, 4);
      await subject.write({ entries: entriesOf([2, 2], 3, 2) });
      expectEqual(termsOf(page), [1, 1, 1], "the page read before");
    },
  },
  {
    name: "the hard state is what was written last",
    run: async (create) => {
      const subject = await create();
      await subject.write({ hardState: { term: 2, vote: 7, commit: 0 } });
      await subject.write({ entries: entriesOf([2]) });
      await subject.write({ hardState: { term: 3, vote: 0, commit: 1 } });
      const { hardState } = subject.storage.initialState();
      expectEqual(hardState, { term: 3, vote: 0, commit: 1 }, "hardState");
    },
  },
  {
    name: "the membership is what was noted last",
    run: async (create) => {
      const subject = await create();
      await subject.setConfState(JOINT_CONF);
      expectEqual(subject.storage.initialState().confState, JOINT_CONF, "confState");
    },
  },
  {
    name: "a compacted log still knows the term before its first entry",
    run: async (create) => {
      const subject = await create();
      await subject.write({ entries: entriesOf([1, 1, 2, 3]) });
      await subject.compact(3);
      const { storage } = subject;
      const first = storage.firstIndex();
      assert(first >= 1 && first <= 4, "a log is compacted at most as far as asked");
      if (first === 1) return; // Storages may compact whole files only.
      expectEqual(storage.term(first - 1), [0, 1, 1, 2, 3][first - 1], "term(firstIndex - 1)");
      expectEqual(storage.entries(first - 1, 5, Infinity), "compacted", "entries before the first");
      if (first > 2) expectEqual(storage.term(first - 2), "compacted", "term(firstIndex - 2)");
    },
  },
  {
    name: "a log can be compacted up to its end and go on",
    run: async (create) => {
      const subject = await create();
      await subject.write({ entries: entriesOf([1, 1, 2]) });
      await subject.compact(3);
      expectEqual(subject.storage.lastIndex(), 3, "lastIndex()");
      expectEqual(subject.storage.term(3), 2, "term(3)");
      await subject.write({ entries: entriesOf([2, 2], 3, 4) });
      expectEqual(termsOf(await read(subject, 4, 6)), [2, 2], "entries(4, 6)");
    },
  },
  {
    name: "indexes beyond the end are unavailable",
    run: async (create) => {
      const subject = await create();
      await subject.write({ entries: entriesOf([1, 1]) });
      expectEqual(subject.storage.term(3), "unavailable", "term(3)");
      expectEqual(subject.storage.entries(1, 4, Infinity), "unavailable", "entries(1, 4)");
    },
  },
  {
    name: "a snapshot replaces log and membership",
    run: async (create) => {
      const subject = await create();
      await subject.write({ entries: entriesOf([1, 1, 1]) });
      const snapshot = { index: 9, term: 4, confState: JOINT_CONF, data: new Uint8Array([1, 2]) };
      await subject.write({ snapshot, hardState: { term: 4, vote: 0, commit: 9 } });
      const { storage } = subject;
      expectEqual([storage.firstIndex(), storage.lastIndex()], [10, 9], "bounds");
      expectEqual(storage.term(9), 4, "term(9)");
      expectEqual(storage.initialState().confState, JOINT_CONF, "confState");
      await subject.write({ entries: entriesOf([4, 5], 3, 10) });
      expectEqual(termsOf(await read(subject, 10, 12)), [4, 5], "entries(10, 12)");
    },
  },
  {
    name: "one unit may hold a snapshot, entries behind it and a hard state",
    run: async (create) => {
      const subject = await create();
      const snapshot = { index: 5, term: 2, confState: JOINT_CONF, data: new Uint8Array(0) };
      const hardState = { term: 3, vote: 1, commit: 5 };
      await subject.write({ snapshot, entries: entriesOf([3, 3], 3, 6), hardState });
      expectEqual(termsOf(await read(subject, 6, 8)), [3, 3], "entries(6, 8)");
      expectEqual(subject.storage.initialState().hardState, hardState, "hardState");
    },
  },
  {
    name: "everything that was durable is there after a crash",
    run: async (create) => {
      const subject = await create();
      await subject.write({ entries: entriesOf([1, 1, 1]) });
      await subject.write({ entries: entriesOf([2, 2], 3, 2), hardState: HARD_STATE });
      await subject.setConfState(JOINT_CONF);
      const reopened = await subject.reopen?.();
      if (reopened === undefined) return;
      expectEqual(reopened.storage.initialState().hardState, HARD_STATE, "hardState");
      expectEqual(reopened.storage.initialState().confState, JOINT_CONF, "confState");
      expectEqual(termsOf(await read(reopened, 1, 4)), [1, 2, 2], "the log");
    },
  },
  {
    name: "entries that were replaced do not come back after a crash",
    run: async (create) => {
      const subject = await create();
      await subject.write({ entries: entriesOf([1, 1, 1, 1, 1, 1]) });
      await subject.write({ entries: entriesOf([2], 3, 3) });
      const reopened = await subject.reopen?.();
      if (reopened === undefined) return;
      expectEqual(reopened.storage.lastIndex(), 3, "lastIndex()");
      expectEqual(termsOf(await read(reopened, 1, 4)), [1, 1, 2], "the log");
    },
  },
];

const NO_HARD_STATE: HardState = { term: 0, vote: 0, commit: 0 };
const HARD_STATE: HardState = { term: 2, vote: 3, commit: 2 };
const JOINT_CONF: ConfState = {
  voters: [1, 2, 4],
  votersOutgoing: [1, 2, 3],
  learners: [5],
  learnersNext: [3],
  autoLeave: true,
};

function entriesOf(terms: readonly number[], bytes = 3, firstIndex = 1): readonly Entry[] {
  return terms.map((term, position) => ({
    index: firstIndex + position,
    term,
    type: "normal",
    data: new Uint8Array(bytes).fill(term),
  }));
}

function termsOf(entries: readonly Entry[]): readonly number[] {
  return entries.map((entry) => entry.term);
}

function plain(entries: readonly Entry[]): unknown {
  return entries.map((entry) => [entry.index, entry.term, entry.type, [...entry.data]]);
}

const READS_MAX = 100;

/** Reads a page, waiting for the disk as often as it takes. */
async function read(
  subject: StorageUnderTest,
  startIndex: number,
  endIndex: number,
  bytesMax = Infinity,
): Promise<readonly Entry[]> {
  for (let attempt = 0; attempt < READS_MAX; attempt++) {
    const page = subject.storage.entries(startIndex, endIndex, bytesMax);
    if (page !== "pending") {
      assert(typeof page !== "string", `entries(${startIndex}, ${endIndex}) can be read`);
      return page;
    }
    await subject.fetched();
  }
  throw new Error(`entries(${startIndex}, ${endIndex}) stayed pending`);
}

function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  assert(left === right, `${what} is ${right}, but it was ${left}`);
}
