import { expect, test } from "vitest";
import { VisitLine } from "./visit-line.ts";

function lineOf(names: string): VisitLine<string> {
  const line = new VisitLine<string>();
  for (const name of names) line.add(name);
  return line;
}

test("VisitLine.take() takes who came first, each once", () => {
  const line = lineOf("abcab");
  expect(line.take(2)).toEqual(["a", "b"]);
  line.add("a");
  expect(line.take(9)).toEqual(["c", "a"]);
  expect(line.take(9)).toEqual([]);
});

test("VisitLine.isBehind holds until all had their turn that waited when the round began", () => {
  const line = lineOf("abc");
  expect(line.isBehind).toBe(false);
  line.beginRound();
  expect(line.isBehind).toBe(false); // Nobody has had a turn yet.
  line.take(2);
  line.add("a"); // Of the next round.
  expect(line.isBehind).toBe(true);
  line.take(1);
  expect(line.size).toBe(1);
  expect(line.isBehind).toBe(false);
});

test("VisitLine.isBehind does not hold where nobody is left", () => {
  const line = lineOf("ab");
  line.beginRound();
  line.delete("a");
  line.take(1);
  expect(line.isBehind).toBe(false);
});
