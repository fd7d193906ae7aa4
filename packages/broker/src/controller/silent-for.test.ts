import { expect, test } from "vitest";
import { SilentFor } from "./silent-for.ts";

test("SilentFor.update() names who was silent all the time, counted from the first look", () => {
  const silent = new Set([1, 2]);
  const silentFor = new SilentFor(
    () => 1000,
    () => silent,
  );
  expect([...silentFor.update(5000)]).toEqual([]);
  silent.delete(2);
  expect([...silentFor.update(5500)]).toEqual([]);
  silent.add(2);
  expect([...silentFor.update(6000)]).toEqual([1]);
  expect([...silentFor.update(6999)]).toEqual([1]);
  expect([...silentFor.update(7000)]).toEqual([1, 2]);
  silentFor.clear();
  expect([...silentFor.update(9000)]).toEqual([]);
});

test("SilentFor.update() names nobody where there is no delay", () => {
  const silentFor = new SilentFor(
    () => 0,
    () => [1],
  );
  silentFor.update(0);
  expect([...silentFor.update(1e9)]).toEqual([]);
});
