import { EMPTY_CONF_STATE } from "../src/conf-state.ts";
import { MemoryStorage } from "../src/memory-storage.ts";
import { APPEND_THREAD, APPLY_THREAD } from "../src/message.ts";
import type { Message } from "../src/message.ts";
import { RawNode } from "../src/raw-node.ts";

const COMPACT_EVERY = 4_096;

/** Three nodes and nothing else: storage writes are done at once, messages are delivered at once. */
export class TightGroup {
  readonly #nodes: readonly RawNode[];
  readonly #storages: readonly MemoryStorage[];
  #appliedByLeader = 0;
  #compacted = 0;

  constructor() {
    const voters = [1, 2, 3];
    this.#storages = voters.map(() => new MemoryStorage({ ...EMPTY_CONF_STATE, voters }));
    this.#nodes = voters.map((id, position) => {
      const storage = this.#storages[position] ?? new MemoryStorage();
      return new RawNode({ id, storage, random: () => 0, asyncStorageWrites: true });
    });
    this.#nodes[0]?.campaign();
    this.#settle();
  }

  /** Index up to which every member has applied its log. */
  get applied(): number {
    return Math.min(...this.#nodes.map((node) => node.applied));
  }

  /** Proposes `count` entries one by one and runs until all members have applied them. */
  commit(data: Uint8Array, count: number): void {
    const leader = this.#nodes[0];
    for (let proposed = 0; proposed < count; proposed++) leader?.propose(data);
    this.#settle();
    if (this.#appliedByLeader - this.#compacted < COMPACT_EVERY) return;
    this.#compacted = this.#appliedByLeader;
    for (const storage of this.#storages) storage.compact(this.#compacted - 1);
  }

  #settle(): void {
    let isBusy = true;
    while (isBusy) {
      isBusy = false;
      for (let position = 0; position < this.#nodes.length; position++) {
        const node = this.#nodes[position];
        if (node === undefined || !node.hasReady()) continue;
        isBusy = true;
        for (const message of node.ready().messages) this.#handle(position, message);
      }
    }
  }

  #handle(position: number, message: Message): void {
    if (message.to === APPEND_THREAD) {
      if (message.entries.length > 0) this.#storages[position]?.append(message.entries);
    } else if (message.to === APPLY_THREAD) {
      if (position === 0) this.#appliedByLeader = message.entries.at(-1)?.index ?? 0;
    } else {
      this.#nodes[message.to - 1]?.step(message);
      return;
    }
    for (const response of message.responses) this.#nodes[response.to - 1]?.step(response);
  }
}
