import { expect, test } from "vitest";
import { DiskStall } from "./disk-stall.ts";

const elapsedMs = 100;

function watch(): DiskStall {
  return new DiskStall({ stallMs: 3000, soundMs: 6000 });
}

/** Looks at the same state of affairs for so long. */
function look(disk: DiskStall, writingSinceMs: number | undefined, forMs: number): boolean {
  for (let ms = 0; ms < forMs; ms += elapsedMs) disk.look({ elapsedMs, writingSinceMs });
  return disk.isStalled;
}

test("DiskStall finds a write that does not end, and not sooner than agreed", () => {
  const disk = watch();
  expect(look(disk, 7, 3000)).toBe(false);
  expect(look(disk, 7, 100)).toBe(true);
  expect(disk.lastedMs).toBe(3000);
});

test("DiskStall takes many slow writes for a slow disk", () => {
  const disk = watch();
  for (let write = 0; write < 20; write++) expect(look(disk, write, 2900)).toBe(false);
});

test("DiskStall lets an idle disk pass", () => {
  expect(look(watch(), undefined, 60_000)).toBe(false);
});

test("DiskStall ends when the disk was quick for long enough, and begins again with a slow write", () => {
  const disk = watch();
  look(disk, 7, 4000);
  expect(look(disk, undefined, 4000)).toBe(true);
  expect(look(disk, 8, 1200)).toBe(true);
  expect(look(disk, undefined, 5900)).toBe(true);
  expect(look(disk, undefined, 100)).toBe(false);
});
