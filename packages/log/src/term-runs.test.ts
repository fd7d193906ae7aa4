import { expect, test } from "vitest";
import { SeededRandom } from "../fakes/seeded-random.ts";
import { TermRuns } from "./term-runs.ts";

test("TermRuns.at() answers what was pushed, through any truncations", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const runs = new TermRuns();
    const terms: number[] = [];
    for (let step = 0; step < 200; step++) {
      if (random.chance(10)) {
        const index = 1 + random.integer(terms.length + 1);
        runs.truncate(index);
        terms.length = index - 1;
      }
      terms.push((terms.at(-1) ?? 0) + random.integer(3));
      runs.push(terms.length, terms.at(-1) ?? 0);
      for (const [row, term] of terms.entries())
        expect(runs.at(row + 1), `seed ${seed}`).toBe(term);
      expect(runs.last).toBe(terms.at(-1));
    }
  }
});

test("TermRuns.last is 0 when nothing was pushed", () => {
  expect(new TermRuns().last).toBe(0);
});
