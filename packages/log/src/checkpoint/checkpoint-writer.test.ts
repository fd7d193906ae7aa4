import { DiskError } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import type { Checkpoint } from "./checkpoint-codec.ts";
import { newestCheckpoint, readCheckpoints } from "./checkpoint-files.ts";
import { CheckpointWriter } from "./checkpoint-writer.ts";
import type { LogError } from "../log-error.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import { directory, silentLogger } from "../../fakes/store-harness.ts";

class Fixture {
  readonly disk: SimulatedDisk = new SimulatedDisk(new SeededRandom(1));
  readonly written: number[] = [];
  readonly failures: LogError[] = [];
  barrier: () => Promise<void> = () => Promise.resolve();
  captured = 0;
  readonly writer: CheckpointWriter = new CheckpointWriter({
    disk: this.disk,
    directory,
    logger: silentLogger,
    lastNumber: 0,
    capture: () => ({
      directoryId: new Uint8Array(16),
      nextFileId: ++this.captured,
      startSequence: 1,
      durableTo: { sequence: 1, position: 4096 },
      damage: "",
      groups: [],
    }),
    barrier: () => this.barrier(),
    written: async ({ number }) => {
      this.written.push(number);
      return Promise.resolve();
    },
    removed: () => undefined,
    onFailed: (error) => this.failures.push(error),
  });

  async newest(): Promise<Checkpoint | undefined> {
    return newestCheckpoint(await readCheckpoints(this.disk, directory));
  }

  async file(name: string): Promise<string> {
    const path = `${directory}/${name}`;
    await (await this.disk.create(path)).close();
    return path;
  }
}

test("CheckpointWriter.write() writes one at a time; calls that wait share the next one", async () => {
  const fixture = new Fixture();
  const first = fixture.writer.write();
  await Promise.resolve();
  const [second, third] = [fixture.writer.write(), fixture.writer.write()];
  await Promise.all([first, second, third]);
  expect(fixture.written).toEqual([1, 2]);
  expect((await fixture.newest())?.nextFileId).toBe(fixture.captured);
});

test("CheckpointWriter.write() captures before its barrier, and writes nothing until that has resolved", async () => {
  const fixture = new Fixture();
  let open = (): void => undefined;
  fixture.barrier = () => new Promise((resolve) => (open = resolve));
  const written = fixture.writer.write();
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  expect([fixture.captured, fixture.disk.paths().length]).toEqual([1, 0]);
  open();
  await written;
  expect((await fixture.newest())?.number).toBe(1);
});

test("CheckpointWriter removes a file after the checkpoint that does not name it, and not before", async () => {
  const fixture = new Fixture();
  await fixture.writer.write();
  const path = await fixture.file("segment-1.1-1.seg");
  const first = fixture.writer.write();
  await Promise.resolve(); // It is captured now: what is said from here on is not in it.
  fixture.writer.removeLater(path);
  await first;
  expect(fixture.disk.paths()).toContain(path);
  await fixture.writer.write();
  expect(fixture.disk.paths()).not.toContain(path);
});

test("CheckpointWriter.write() rejects with FULL and can be tried again, whichever step has no room", async () => {
  for (const operation of ["create", "write", "datasync", "syncDirectory"] as const) {
    const fixture = new Fixture();
    const path = await fixture.file("segment-1.1-1.seg");
    fixture.writer.removeLater(path);
    const full = new DiskError("FULL", "no space left");
    fixture.disk.failNext(operation, full);
    await expect(fixture.writer.write(), operation).rejects.toBe(full);
    expect([fixture.failures, fixture.written]).toEqual([[], []]);
    expect(fixture.disk.paths()).toContain(path);
    await fixture.writer.write();
    expect(fixture.written).toEqual([1]);
    expect(fixture.disk.paths()).not.toContain(path);
    expect((await fixture.newest())?.number).toBe(1);
  }
});

test("CheckpointWriter.write() fails for good when the disk does, and says so once", async () => {
  for (const operation of ["create", "write", "datasync", "syncDirectory"] as const) {
    const fixture = new Fixture();
    const cause = new DiskError("IO", "input/output error");
    fixture.disk.failNext(operation, cause);
    const failure = { reason: "STORAGE_FAILED", cause };
    await expect(fixture.writer.write(), operation).rejects.toMatchObject(failure);
    await expect(fixture.writer.write(), operation).rejects.toMatchObject(failure);
    expect(fixture.failures).toHaveLength(1);
    await fixture.writer.close();
  }
});

test("CheckpointWriter.settle() writes the checkpoint that was found once more, under its number", async () => {
  const fixture = new Fixture();
  await fixture.writer.write();
  const found = await fixture.newest();
  if (found === undefined) throw new Error("no checkpoint");
  const again = new Fixture();
  await again.writer.settle(found);
  again.disk.crash();
  expect(await again.newest()).toEqual(found);
});
