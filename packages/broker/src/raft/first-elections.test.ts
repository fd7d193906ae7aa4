import type { Clock } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import { FirstElections } from "./first-elections.ts";

/** A clock whose timers run when `turn` is called. */
function steppedClock(): { clock: Clock; turn: () => void } {
  const callbacks: (() => void)[] = [];
  const clock: Clock = {
    monotonicMs: () => 0,
    wallMs: () => 0,
    setTimer: (_delayMs, callback) => {
      callbacks.push(callback);
      return { cancel: () => void callbacks.splice(0) };
    },
    defer: (callback) => callback(),
  };
  return {
    clock,
    turn: () => {
      for (const callback of callbacks.splice(0)) callback();
    },
  };
}

test("FirstElections asks at once, again at growing distances, and gives up", () => {
  const { clock, turn } = steppedClock();
  const asked: number[] = [];
  let now = 0;
  const elections = new FirstElections(clock);
  elections.add({ wantsToLead: true, term: 0, campaign: () => void asked.push(now) });
  for (now = 1; now < 100; now += 1) turn();
  expect(asked).toEqual([0, 1, 2, 4, 8, 16, 32]);
});

test("FirstElections asks less often while many groups have no leader", () => {
  const { clock, turn } = steppedClock();
  const asked: number[] = [];
  let now = 0;
  const elections = new FirstElections(clock);
  const others = Array.from({ length: 16 }, () => ({
    wantsToLead: true,
    term: 0,
    campaign: () => {},
  }));
  for (const other of others) elections.add(other);
  elections.add({ wantsToLead: true, term: 0, campaign: () => void asked.push(now) });
  for (now = 1; now < 100; now += 1) turn();
  expect(asked).toEqual([0, 8, 16, 32]);
});

test("FirstElections lets many groups that have had a leader hear of the one they have", () => {
  const { clock, turn } = steppedClock();
  const asked: number[] = [];
  let now = 0;
  const elections = new FirstElections(clock);
  const other = (): { wantsToLead: boolean; term: number; campaign: () => void } => {
    return { wantsToLead: true, term: 3, campaign: () => {} };
  };
  for (let count = 0; count < 16; count += 1) elections.add(other());
  elections.add({ ...other(), campaign: () => void asked.push(now) });
  for (now = 1; now < 100; now += 1) turn();
  expect(asked).toEqual([16, 32]);
});

test("FirstElections stops asking once there is a leader, and never begins where another is meant to lead", () => {
  const { clock, turn } = steppedClock();
  const group = { wantsToLead: true, term: 0, asked: 0, campaign: () => void (group.asked += 1) };
  const elections = new FirstElections(clock);
  elections.add(group);
  group.wantsToLead = false;
  for (let i = 0; i < 50; i += 1) turn();
  expect(group.asked).toBe(1);
  elections.add(group);
  expect(group.asked).toBe(1);
});
