import { expect, test } from "vitest";
import type { FetchSegment } from "./segment-copy.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import {
  appendRounds,
  checkRounds,
  keyOf,
  openStore,
  segmentsOf,
} from "../../fakes/store-harness.ts";

const hardState = { term: 1, vote: 1, commit: 0 };

test("copySegment() takes segments of another incarnation of the group, and none of another group", async () => {
  const [there, here] = [
    await openStore(new SimulatedDisk(new SeededRandom(1))),
    await openStore(new SimulatedDisk(new SeededRandom(2))),
  ];
  const [source, stranger] = [there.createGroup(keyOf(1, 3)), there.createGroup(keyOf(2, 8))];
  await appendRounds(there, [source, stranger], 60);
  const manifest = await there.exportSnapshot(source, 60, new Uint8Array(1));
  if (manifest === undefined) throw new Error("nothing was exported");
  const fetch: FetchSegment = (fileId, position, length) =>
    there.readSegment(source, fileId, position, length);
  const copy = here.createGroup(keyOf(1, 8));
  await here.installSnapshot(copy, manifest, hardState, fetch);
  expect(segmentsOf(copy).length).toBeGreaterThan(1);
  expect(copy.endOffset()).toBe(120);
  await checkRounds(copy);
  const wrong = here.createGroup(keyOf(2, 8));
  const installing = here.installSnapshot(wrong, manifest, hardState, fetch);
  await expect(installing).rejects.toMatchObject({ reason: "DATA_DAMAGED" });
  await Promise.all([there.close(), here.close()]);
});
