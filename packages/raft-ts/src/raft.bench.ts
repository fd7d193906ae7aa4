import { arch, availableParallelism, cpus } from "node:os";
import { expect, test } from "vitest";
import { TightGroup } from "../fakes/tight-group.ts";
import { entryBytes } from "./entry.ts";
import type { Entry } from "./entry.ts";

/*
 * What the core costs: three nodes in one process whose disks and links take no time, 100-byte entries,
 * from the proposal until every member applied it. One run commits `entryCount` entries. Beside it, as the
 * floor, a plain loop that does the same array work without a protocol.
 */

const data = new Uint8Array(100);
const compactEvery = 4_096;

/** Three logs that every entry is appended to and read back from for applying, and nothing to agree about. */
class PlainLogs {
  readonly #logs: readonly Entry[][] = [[], [], []];
  #lastIndex = 0;
  appliedBytes = 0;

  commit(count: number): void {
    const entries: Entry[] = [];
    for (let proposed = 0; proposed < count; proposed++) {
      entries.push({ term: 1, index: ++this.#lastIndex, type: "normal", data });
    }
    for (const log of this.#logs) {
      for (const entry of entries) log.push(entry);
      for (const entry of log.slice(-count)) this.appliedBytes += entryBytes(entry);
      if (log.length >= compactEvery) log.splice(0, log.length - 1);
    }
  }
}

console.log(
  `Node ${process.version} on ${arch()}, ${availableParallelism()} x ${cpus()[0]?.model}`,
);

test.for([{ entryCount: 1 }, { entryCount: 64 }])(
  "3 nodes, $entryCount entries per pass",
  async ({ entryCount }, { bench }) => {
    const group = new TightGroup();
    const plain = new PlainLogs();
    let proposed = group.applied;
    await bench.compare(
      bench("raft-ts", () => {
        group.commit(data, entryCount);
        proposed += entryCount;
      }),
      bench("plain loop", () => plain.commit(entryCount)),
    );
    // A benchmark that commits nothing is fast.
    expect(group.applied).toBe(proposed);
    expect(plain.appliedBytes).toBeGreaterThan(0);
  },
);
