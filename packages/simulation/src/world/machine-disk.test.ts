import { expect, test } from "vitest";
import { EventLoop } from "./event-loop.ts";
import { MachineDisk } from "./machine-disk.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { Trace } from "./trace.ts";

const speed = { writeMs: 1, syncMs: 1, readMs: 1, bytesPerMs: 1000 };

function fixture(seed: string): {
  readonly loop: EventLoop;
  readonly machine: MachineDisk;
  readonly process: SimulatedProcess;
  readonly disk: SimulatedDisk;
} {
  const loop = new EventLoop();
  const machine = new MachineDisk(new SeededRandom(seed));
  const process = new SimulatedProcess(loop, "host");
  const disk = new SimulatedDisk(
    machine,
    process,
    new SeededRandom("disk"),
    speed,
    new Trace(loop),
  );
  return { loop, machine, process, disk };
}

test("MachineDisk.losePower() keeps what was synced, and may keep what was not", async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const { disk, loop, machine } = fixture(String(seed));
    const work = async (): Promise<void> => {
      const file = await disk.create("file");
      await disk.syncDirectory("");
      await file.write(0, [Buffer.alloc(512, 1)]);
      await file.datasync();
      await file.write(512, [Buffer.alloc(512, 2)]);
    };
    let isDone = false;
    void work().then(() => (isDone = true));
    await loop.runUntil(() => isDone, 1000);
    machine.losePower();
    const bytes = machine.inode("file").bytes();
    expect(bytes.subarray(0, 512).every((byte) => byte === 1)).toBe(true);
    outcomes.add(bytes.length > 512 ? "kept" : "lost");
  }
  expect([...outcomes].toSorted()).toEqual(["kept", "lost"]);
});

test("SimulatedDisk.write() of a process that is killed may have happened or not, and is never answered", async () => {
  const outcomes = new Set<number>();
  for (let seed = 0; seed < 20; seed++) {
    const { disk, loop, machine, process } = fixture("kill");
    for (let draw = 0; draw < seed; draw++) void disk.exists(""); // Other numbers are drawn.
    const file = machine.create("file");
    let isAnswered = false;
    void disk.write("file", file, 0, Buffer.alloc(100, 1)).then(() => (isAnswered = true));
    process.die("kill");
    await loop.runUntil(() => false, 1000);
    expect(isAnswered).toBe(false);
    outcomes.add(file.sizeBytes);
  }
  expect([...outcomes].toSorted((a, b) => a - b)).toEqual([0, 100]);
});
