import { expect, test } from "vitest";
import { type DoubtedLeader, ElectionLines } from "./election-lines.ts";

/** Lines in which so many wait for nothing, and so many doubt. */
function linesOf(
  wantedCount: number,
  doubtfulCount: number,
  leader: DoubtedLeader = "unknown",
): ElectionLines<string> {
  const lines = new ElectionLines<string>(16, 0);
  for (let count = 0; count < doubtfulCount; count++) lines.doubt("doubtful", leader);
  for (let count = 0; count < wantedCount; count++) lines.request("wanted", 0);
  return lines;
}

/** Who begins in one tick. */
function begun(lines: ElectionLines<string>, isEverybodyAlive: boolean): Record<string, number> {
  const counts: Record<string, number> = { wanted: 0, doubtful: 0 };
  lines.tick(isEverybodyAlive, (candidate) => {
    counts[candidate] = (counts[candidate] ?? 0) + 1;
    return true;
  });
  return counts;
}

test("ElectionLines.tick() lets few begin who doubt while everybody is alive, beside all others", () => {
  const lines = linesOf(20, 20);
  expect(begun(lines, true)).toEqual({ wanted: 16, doubtful: 2 });
  expect(begun(lines, true)).toEqual({ wanted: 4, doubtful: 2 });
});

test("ElectionLines.tick() lets who doubts have what the others leave, where somebody is not alive", () => {
  const lines = linesOf(20, 20);
  expect(begun(lines, false)).toEqual({ wanted: 16, doubtful: 0 });
  expect(begun(lines, false)).toEqual({ wanted: 4, doubtful: 12 });
});

test("ElectionLines.tick() lets who knows of no leader have turns, however many doubt one whose process is heard", () => {
  const lines = linesOf(0, 0);
  const counts: Record<string, number> = {};
  for (let count = 0; count < 20; count++) lines.doubt("leaderless", "unknown");
  for (let tick = 0; tick < 20; tick++) {
    for (let count = 0; count < 16; count++) lines.doubt("doubtful", "heard");
    for (const [candidate, started] of Object.entries(begun(lines, true)))
      counts[candidate] = (counts[candidate] ?? 0) + started;
  }
  expect(counts).toMatchObject({ leaderless: 20, doubtful: 20 });
});

test("ElectionLines.tick() lets few begin who doubt a leader whose process is heard, whoever else is not alive", () => {
  const lines = linesOf(20, 20, "heard");
  expect(begun(lines, false)).toEqual({ wanted: 16, doubtful: 2 });
  expect(begun(lines, true)).toEqual({ wanted: 4, doubtful: 2 });
  for (let count = 0; count < 20; count++) lines.doubt("doubtful", "unknown");
  expect(begun(lines, true)).toEqual({ wanted: 0, doubtful: 2 });
  expect(begun(lines, false)).toEqual({ wanted: 0, doubtful: 16 });
});
