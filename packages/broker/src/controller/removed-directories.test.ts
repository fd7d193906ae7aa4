import { expect, test } from "vitest";
import { RemovedDirectories } from "./removed-directories.ts";

test("RemovedDirectories.forgetOldest() forgets what was removed longest ago, whatever the order of what it was restored from", () => {
  const removed = Array.from({ length: 1000 }, (_, at) => ({
    directoryId: `d${at}`,
    brokerId: at + 1,
    removedIndex: at < 2 ? 0 : at,
  }));
  const [first, second] = [new RemovedDirectories(), new RemovedDirectories()];
  first.restore(removed);
  second.restore(removed.toReversed());
  for (const directories of [first, second]) {
    const next = { brokerId: 1, removedIndex: 2000 };
    directories.add({ ...next, directoryId: "e0" });
    expect(directories.forgetOldest()).toEqual(["d0"]);
    directories.add({ ...next, directoryId: "e1" });
    expect(directories.forgetOldest()).toEqual(["d1"]);
    directories.add({ ...next, directoryId: "e2" });
    expect(directories.forgetOldest()).toEqual(["d2"]);
    expect(directories.all.size).toBe(1000);
    expect(directories.all.get("e2")?.brokerId).toBe(1);
  }
});
