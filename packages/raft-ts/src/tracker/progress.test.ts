import { describe, expect, test } from "vitest";
import { Inflights } from "./inflights.ts";
import { Progress } from "./progress.ts";

function replicating(match: number, countMax = 3): Progress {
  const progress = new Progress(2, match + 1, new Inflights(countMax, Infinity), false);
  progress.maybeUpdate(match);
  progress.becomeReplicate();
  return progress;
}

describe("Progress", () => {
  test("probes with one append at a time", () => {
    const progress = new Progress(2, 5, new Inflights(3, Infinity), false);
    progress.sent(0, 0);
    expect(progress.isPaused()).toBe(false);
    progress.sent(2, 10);
    expect(progress).toMatchObject({ paused: true, next: 5 });
    expect(progress.maybeUpdate(6)).toBe(true);
    expect(progress).toMatchObject({ paused: false, match: 6, next: 7 });
  });

  test("replicates ahead of acknowledgements until the window is full", () => {
    const progress = replicating(4, 2);
    progress.sent(3, 30);
    expect(progress).toMatchObject({ next: 8, paused: false });
    progress.sent(1, 10);
    expect(progress).toMatchObject({ next: 9, paused: true });
    progress.sent(0, 0);
    expect(progress.paused).toBe(true);
  });

  test("takes no append while it waits for a snapshot, and probes behind it afterwards", () => {
    const progress = replicating(4);
    progress.becomeSnapshot(9);
    expect(progress).toMatchObject({ state: "snapshot", next: 10, pendingSnapshot: 9 });
    expect(progress.isPaused()).toBe(true);
    expect(() => progress.sent(1, 1)).toThrow("waits for a snapshot");
    progress.becomeProbe();
    expect(progress).toMatchObject({ state: "probe", next: 10, pendingSnapshot: 0 });
  });

  test("ignores acknowledgements and refusals that came late", () => {
    const progress = replicating(4);
    expect(progress.maybeUpdate(3)).toBe(false);
    expect(progress.maybeDecrease(4, 2)).toBe(false);
    progress.becomeProbe();
    expect(progress.maybeDecrease(9, 2)).toBe(false);
    expect(progress.next).toBe(5);
  });

  test("goes back to the hint while probing and to the match while replicating", () => {
    const probing = new Progress(2, 10, new Inflights(3, Infinity), false);
    expect(probing.maybeDecrease(9, 4)).toBe(true);
    expect(probing.next).toBe(5);
    expect(probing.maybeDecrease(4, 9)).toBe(true);
    expect(probing.next).toBe(4);
    const progress = replicating(4);
    progress.sent(5, 1);
    expect(progress.maybeDecrease(9, 8)).toBe(true);
    expect(progress.next).toBe(5);
  });

  test("knows when news of the commit index is worth an empty append", () => {
    const progress = replicating(4);
    expect(progress.canBumpCommit(3)).toBe(true);
    progress.sentCommit(3);
    expect(progress.canBumpCommit(3)).toBe(false);
    progress.sentCommit(4);
    // It learned of all that it is going to have.
    expect(progress.canBumpCommit(9)).toBe(false);
  });

  test("a copy shares nothing but the window", () => {
    const progress = replicating(4);
    const copy = progress.clone();
    copy.isLearner = true;
    copy.maybeUpdate(9);
    expect(progress).toMatchObject({ isLearner: false, match: 4 });
    expect(copy.inflights).toBe(progress.inflights);
  });
});

describe("Inflights", () => {
  test("is bounded by count and frees from the oldest on", () => {
    const window = new Inflights(20, Infinity);
    for (let index = 1; index <= 20; index++) window.add(index, 1);
    expect(window).toMatchObject({ count: 20, full: true });
    expect(() => window.add(21, 1)).toThrow("window is full");
    window.freeUpTo(15);
    expect(window.count).toBe(5);
    for (let index = 21; index <= 30; index++) window.add(index, 1);
    window.freeUpTo(29);
    expect(window).toMatchObject({ count: 1, full: false });
    window.freeUpTo(29);
    window.reset();
    expect(window.count).toBe(0);
  });

  test("is bounded by bytes, but one append may exceed them", () => {
    const window = new Inflights(10, 100);
    window.add(1, 500);
    expect(window.full).toBe(true);
    window.freeUpTo(1);
    window.add(2, 60);
    expect(window.full).toBe(false);
    window.add(3, 60);
    expect(window.full).toBe(true);
    window.freeUpTo(2);
    expect(window.full).toBe(false);
  });

  test("keeps its order when it grows around the end of its ring", () => {
    const window = new Inflights(100, Infinity);
    for (let index = 1; index <= 8; index++) window.add(index, 1);
    window.freeUpTo(5);
    for (let index = 9; index <= 40; index++) window.add(index, 1);
    window.freeUpTo(20);
    expect(window.count).toBe(20);
    window.freeUpTo(40);
    expect(window.count).toBe(0);
  });

  test("holds at least one append", () => {
    expect(() => new Inflights(0, 1)).toThrow("at least one append");
  });
});

test("Progress.maybeDecrease() never goes back to what is known to match", () => {
  const progress = new Progress(2, 10, new Inflights(3, Infinity), false);
  progress.maybeUpdate(9);
  expect(progress.maybeDecrease(9, 2)).toBe(true);
  expect(progress.next).toBe(10);
});
