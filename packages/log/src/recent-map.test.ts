import { expect, test } from "vitest";
import { RecentMap } from "./recent-map.ts";

function mapOf(bytesMax: number): { map: RecentMap<number>; dropped: number[] } {
  const dropped: number[] = [];
  const map = new RecentMap<number>(
    bytesMax,
    (value) => value,
    (value) => dropped.push(value),
  );
  return { map, dropped };
}

test("RecentMap drops what was used longest ago", () => {
  const { dropped, map } = mapOf(10);
  map.set("a", 4);
  map.set("b", 5);
  expect(map.get("a")).toBe(4);
  map.set("c", 3);
  expect(dropped).toEqual([5]);
  expect(map.names()).toEqual(["a", "c"]);
  expect(map.get("b")).toBeUndefined();
});

test("RecentMap keeps its newest value, however large it is", () => {
  const { dropped, map } = mapOf(10);
  map.set("a", 4);
  map.set("b", 99);
  expect(map.names()).toEqual(["b"]);
  map.set("c", 1);
  expect(map.names()).toEqual(["c"]);
  expect(dropped).toEqual([4, 99]);
});

test("RecentMap counts a value that is replaced or deleted no more", () => {
  const { dropped, map } = mapOf(10);
  map.set("a", 8);
  map.set("a", 2);
  map.set("b", 8);
  expect(map.names()).toEqual(["a", "b"]);
  map.delete("b");
  map.delete("b");
  map.set("c", 8);
  expect(map.names()).toEqual(["a", "c"]);
  expect(dropped).toEqual([8, 8]);
});
