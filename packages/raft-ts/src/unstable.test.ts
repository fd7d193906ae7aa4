import { describe, expect, test } from "vitest";
import { entriesOf, votersUpTo } from "../fakes/in-memory-group.ts";
import { Prng } from "../fakes/prng.ts";
import { NO_DATA } from "./entry.ts";
import type { RaftEvent } from "./event.ts";
import type { Snapshot } from "./snapshot.ts";
import { Unstable } from "./unstable.ts";

const snapshot: Snapshot = { index: 9, term: 3, confState: votersUpTo(1), data: NO_DATA };

function termsOf(unstable: Unstable): readonly number[] {
  return unstable.slice(unstable.offset, unstable.endIndex).map(({ term }) => term);
}

describe("Unstable", () => {
  test("hands every entry out once", () => {
    const unstable = new Unstable(1, undefined);
    unstable.truncateAndAppend(entriesOf([1, 1]));
    expect(unstable.nextEntries()).toHaveLength(2);
    unstable.acceptInProgress();
    expect(unstable.nextEntries()).toEqual([]);
    unstable.truncateAndAppend(entriesOf([1], 3));
    expect(unstable.nextEntries().map(({ index }) => index)).toEqual([3]);
  });

  test("hands entries out again that replaced those being written", () => {
    const unstable = new Unstable(1, undefined);
    unstable.truncateAndAppend(entriesOf([1, 1, 1]));
    unstable.acceptInProgress();
    unstable.truncateAndAppend(entriesOf([2, 2], 2));
    expect(unstable).toMatchObject({ offset: 1, offsetInProgress: 2 });
    expect(unstable.nextEntries().map(({ index, term }) => [index, term])).toEqual([
      [2, 2],
      [3, 2],
    ]);
  });

  test("refuses a gap", () => {
    const unstable = new Unstable(1, undefined);
    unstable.truncateAndAppend(entriesOf([1]));
    expect(() => unstable.truncateAndAppend(entriesOf([1], 3))).toThrow("leaves no gap");
    expect(() => unstable.truncateAndAppend([])).toThrow("at least one entry");
    expect(() => unstable.slice(1, 3)).toThrow("are held here");
  });

  test("forgets what is durable, unless another entry took its place", () => {
    const events: RaftEvent[] = [];
    const unstable = new Unstable(5, (event) => events.push(event));
    unstable.truncateAndAppend(entriesOf([2, 2, 2], 5));
    unstable.stableTo({ index: 6, term: 1 });
    expect(unstable.offset).toBe(5);
    unstable.stableTo({ index: 6, term: 2 });
    expect(unstable).toMatchObject({ offset: 7, offsetInProgress: 7, count: 1 });
    unstable.stableTo({ index: 6, term: 2 });
    unstable.stableTo({ index: 8, term: 2 });
    expect(events.map(({ kind }) => kind)).toEqual([
      "unstableEntryMismatch",
      "unstableEntryMissing",
      "unstableEntryMissing",
    ]);
  });

  test("knows first, last and term from a snapshot that is on its way", () => {
    const events: RaftEvent[] = [];
    const unstable = new Unstable(5, (event) => events.push(event));
    unstable.truncateAndAppend(entriesOf([2, 2], 5));
    unstable.restore(snapshot);
    expect([unstable.maybeFirstIndex(), unstable.maybeLastIndex()]).toEqual([10, 9]);
    expect([unstable.maybeTerm(9), unstable.maybeTerm(8)]).toEqual([3, undefined]);
    unstable.stableTo({ index: 9, term: 3 });
    expect(events).toEqual([{ kind: "unstableEntryInSnapshot", index: 9 }]);
    expect(unstable.nextSnapshot()).toBe(snapshot);
    unstable.acceptInProgress();
    expect(unstable.nextSnapshot()).toBeUndefined();
    unstable.stableSnapshotTo(8);
    expect(unstable.snapshot).toBe(snapshot);
    unstable.stableSnapshotTo(9);
    expect(unstable.snapshot).toBeUndefined();
    expect([unstable.maybeFirstIndex(), unstable.maybeLastIndex()]).toEqual([undefined, undefined]);
  });

  test("a page that was handed out stays as it was", () => {
    const unstable = new Unstable(1, undefined);
    unstable.truncateAndAppend(entriesOf([1, 1, 1]));
    const page = unstable.slice(1, 4);
    expect(unstable.slice(1, 4)).toBe(page);
    unstable.truncateAndAppend(entriesOf([2], 2));
    expect(page.map(({ term }) => term)).toEqual([1, 1, 1]);
    expect(termsOf(unstable)).toEqual([1, 2]);
  });

  test("equals a plain list through any series of appends and acknowledgements", () => {
    const prng = new Prng(11);
    const unstable = new Unstable(1, undefined);
    const model: number[] = [0];
    let offset = 1;
    for (let turn = 0; turn < 2_000; turn++) {
      if (prng.chance(0.6)) {
        const first = offset + prng.integer(model.length - offset + 1);
        const terms = Array.from({ length: 1 + prng.integer(5) }, () => turn);
        model.length = first;
        model.push(...terms);
        unstable.truncateAndAppend(entriesOf(terms, first));
      } else if (model.length > offset) {
        const index = offset + prng.integer(model.length - offset);
        unstable.stableTo({ index, term: model[index] ?? 0 });
        offset = index + 1;
      }
      if (prng.chance(0.3)) unstable.acceptInProgress();
      expect(unstable.offset).toBe(offset);
      expect(termsOf(unstable)).toEqual(model.slice(offset));
      expect(unstable.offsetInProgress).toBeGreaterThanOrEqual(offset);
      expect(unstable.offsetInProgress).toBeLessThanOrEqual(unstable.endIndex);
    }
  });
});
