import { DiskError } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import { imageFileName, readImage, writeImage } from "./image-file.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import { directory, keyOf } from "../../fakes/store-harness.ts";

const key = keyOf(1, 2);
const path = `${directory}/${imageFileName(key, 7)}`;
const body = Buffer.from("the state machine");

async function written(bytes: Uint8Array = body): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(new SeededRandom(1));
  await writeImage(disk, path, key, 42, bytes);
  return disk;
}

test("readImage() reads what writeImage() wrote, an empty one too, over a power cut", async () => {
  for (const bytes of [body, new Uint8Array(0), Buffer.alloc(100_000, 3)]) {
    const disk = await written(bytes);
    await disk.syncDirectory(directory);
    disk.crash();
    expect(Buffer.compare(await readImage(disk, path, key, 42), bytes)).toBe(0);
  }
});

test("readImage() refuses every flipped bit and every other length", async () => {
  const disk = await written();
  const bytes = disk.bytesOf(path);
  const damage = { reason: "DATA_DAMAGED" };
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    disk.flip(path, bit >> 3, 1 << (bit & 7));
    await expect(readImage(disk, path, key, 42), `bit ${bit}`).rejects.toMatchObject(damage);
    disk.flip(path, bit >> 3, 1 << (bit & 7));
  }
  for (let length = 0; length < bytes.length; length++) {
    disk.replace(path, bytes.subarray(0, length));
    await expect(readImage(disk, path, key, 42)).rejects.toMatchObject(damage);
  }
  disk.replace(path, Buffer.concat([bytes, Buffer.alloc(1)]));
  await expect(readImage(disk, path, key, 42)).rejects.toMatchObject(damage);
});

test("readImage() refuses an image of another group or another entry", async () => {
  const disk = await written();
  const damage = { reason: "DATA_DAMAGED" };
  await expect(readImage(disk, path, keyOf(2, 2), 42)).rejects.toMatchObject(damage);
  await expect(readImage(disk, path, keyOf(1, 1), 42)).rejects.toMatchObject(damage);
  await expect(readImage(disk, path, key, 41)).rejects.toMatchObject(damage);
});

test("writeImage() rejects with the disk's error", async () => {
  for (const operation of ["create", "write", "datasync"] as const) {
    const disk = new SimulatedDisk(new SeededRandom(1));
    const failure = new DiskError("FULL", "no space left");
    disk.failNext(operation, failure);
    await expect(writeImage(disk, path, key, 42, body)).rejects.toBe(failure);
  }
});
