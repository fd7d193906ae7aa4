import { expect, test } from "vitest";
import { TightGroup } from "../fakes/tight-group.ts";

/*
 * What the core costs: three nodes in one process whose disks and links take no time, 100-byte entries,
 * from the proposal until every member applied it. One run commits `entryCount` entries.
 */

const data = new Uint8Array(100);

test.for([{ entryCount: 1 }, { entryCount: 64 }])(
  "3 nodes, $entryCount entries per pass",
  async ({ entryCount }, { bench }) => {
    const group = new TightGroup();
    let proposed = group.applied;
    await bench("commit", () => {
      group.commit(data, entryCount);
      proposed += entryCount;
    }).run();
    // A benchmark that commits nothing is fast.
    expect(group.applied).toBe(proposed);
  },
);
