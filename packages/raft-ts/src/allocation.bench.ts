import process from "node:process";
import { getHeapStatistics } from "node:v8";
import { expect, test } from "vitest";
import { EMPTY_CONF_STATE } from "./conf-state.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { APPEND_THREAD } from "./message.ts";
import type { Message } from "./message.ts";
import { RawNode } from "./raw-node.ts";

/*
 * What the core allocates per committed entry, at the leader and at a follower: three nodes, 64 entries of
 * 100 bytes per pass, proposed together. Heap in use is read around every call of a node, which itself
 * costs some 400 bytes: the figures are upper bounds. Measured: leader 285 to 299 B, follower 104 to 146 B.
 */

const entriesPerPass = 64;
/** `npm test` runs this with next to nothing to do, so that it cannot rot. */
const isTiny = process.env["ROPEWALK_BENCH_TINY"] !== undefined;
const warmUpPasses = isTiny ? 50 : 3000;
const measuredPasses = 40;

class MeteredGroup {
  readonly #storages: readonly MemoryStorage[];
  readonly #nodes: readonly RawNode[];
  readonly allocatedBytes = [0, 0, 0];
  #isMetering = false;

  constructor() {
    const voters = [1, 2, 3];
    this.#storages = voters.map(() => new MemoryStorage({ ...EMPTY_CONF_STATE, voters }));
    this.#nodes = this.#storages.map(
      (storage, position) =>
        new RawNode({ id: position + 1, storage, random: () => 0, asyncStorageWrites: true }),
    );
    this.#at(1, (node) => node.campaign());
    this.#settle();
  }

  run(passes: number, isMetering: boolean): void {
    this.#isMetering = isMetering;
    const datas = Array.from({ length: entriesPerPass }, () => new Uint8Array(100));
    for (let pass = 1; pass <= passes; pass += 1) {
      this.#at(1, (node) => void node.proposeBatch(datas));
      this.#settle();
      if (!isMetering && pass % 50 === 0) this.#compact();
    }
  }

  #at<Result>(id: number, act: (node: RawNode) => Result): Result | undefined {
    const node = this.#nodes[id - 1];
    if (node === undefined) return undefined;
    if (!this.#isMetering) return act(node);
    const before = getHeapStatistics().used_heap_size;
    const result = act(node);
    const bytes = getHeapStatistics().used_heap_size - before;
    this.allocatedBytes[id - 1] = (this.allocatedBytes[id - 1] ?? 0) + Math.max(0, bytes);
    return result;
  }

  #settle(): void {
    for (let isBusy = true; isBusy;) {
      isBusy = false;
      for (const { id } of this.#nodes.filter((node) => node.hasReady())) {
        isBusy = true;
        const messages = this.#at(id, (node) => node.ready())?.messages ?? [];
        for (const message of messages) this.#handle(id, message);
      }
    }
  }

  #handle(id: number, message: Message): void {
    if (message.to > 0) {
      this.#at(message.to, (node) => node.step(message));
      return;
    }
    const { entries, responses } = message;
    if (message.to === APPEND_THREAD && entries.length > 0) this.#storages[id - 1]?.append(entries);
    for (const response of responses) this.#at(response.to, (node) => node.step(response));
  }

  #compact(): void {
    const through = Math.min(...this.#nodes.map((node) => node.applied)) - 1;
    for (const storage of this.#storages) storage.compact(through);
  }
}

test("bytes allocated per committed entry", () => {
  const group = new MeteredGroup();
  group.run(warmUpPasses, false);
  group.run(measuredPasses, true);
  const [leader = 0, follower = 0] = group.allocatedBytes.map((bytes) =>
    Math.round(bytes / (measuredPasses * entriesPerPass)),
  );
  console.log(`allocated per committed entry: leader ${leader} B, follower ${follower} B`);
  expect(leader).toBeGreaterThan(0);
});
