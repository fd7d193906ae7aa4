import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Prng } from "../../fakes/prng.ts";
import { EMPTY_CONF_STATE } from "../conf-state.ts";
import { MemoryStorage } from "../memory-storage.ts";
import { APPEND_THREAD, APPLY_THREAD } from "../message.ts";
import type { Message } from "../message.ts";
import type { GroupHandle } from "./group-handle.ts";
import { MultiRaft } from "./multi-raft.ts";
import type { PeerBatch } from "./peer-batch.ts";

/*
 * What groups without work cost three nodes in one process, whose disks and links take no time. One run
 * is one second of virtual time: 10 ticks with a heartbeat each. Divide by nodes and groups.
 */

const nodeIds = [1, 2, 3];
const ticksPerSecond = 10;
/** `npm test` runs this with next to nothing to do, so that it cannot rot. */
const isTiny = process.env["ROPEWALK_BENCH_TINY"] !== undefined;
const groupCount = isTiny ? 100 : 10_000;
const awakeCount = isTiny ? 10 : 1_000;

class IdleNodes {
  readonly multis: readonly MultiRaft<MemoryStorage>[];
  #batches: PeerBatch[] = [];
  #messages: (readonly [GroupHandle<MemoryStorage>, Message])[] = [];

  constructor(count: number, hibernateAfterTicks: number) {
    const random = new Prng(1).integer;
    this.multis = nodeIds.map((nodeId) => {
      return new MultiRaft({ nodeId, epoch: 1, random, hibernateAfterTicks });
    });
    for (let groupId = 0; groupId < count; groupId++) {
      for (const multi of this.multis) {
        const storage = new MemoryStorage({ ...EMPTY_CONF_STATE, voters: nodeIds });
        multi.add({ groupId, incarnation: 1 }, { storage }, storage);
      }
    }
  }

  tick(): void {
    for (const multi of this.multis) multi.tick();
    while (this.multis.some(({ hasWork }) => hasWork)) {
      for (const multi of this.multis) this.#pass(multi);
      this.#deliver();
    }
  }

  #pass(multi: MultiRaft<MemoryStorage>): void {
    multi.pass({
      ready: (group, ready) => {
        for (const message of ready.messages) this.#handle(group, message);
      },
      batch: (batch) => void this.#batches.push(batch),
    });
  }

  #handle(group: GroupHandle<MemoryStorage>, message: Message): void {
    const isLocal = message.to === APPEND_THREAD || message.to === APPLY_THREAD;
    if (!isLocal) {
      this.#messages.push([group, message]);
      return;
    }
    if (message.to === APPEND_THREAD) {
      const { term, vote, commit } = message;
      if (term !== 0) group.owner.setHardState({ term, vote, commit });
      group.owner.append(message.entries);
    }
    for (const response of message.responses) {
      if (response.to > 0 && response.to !== response.from && response.from > 0) {
        this.#messages.push([group, response]);
      } else group.step(response);
    }
  }

  #deliver(): void {
    const batches = this.#batches;
    const messages = this.#messages;
    this.#batches = [];
    this.#messages = [];
    for (const batch of batches) this.multis[batch.to - 1]?.receiveBatch(batch);
    for (const [{ key }, message] of messages) this.multis[message.to - 1]?.receive(key, message);
  }

  get awakeCount(): number {
    return this.multis.reduce((total, multi) => total + multi.awakeCount, 0);
  }

  get ledCount(): number {
    const all = this.multis.flatMap((multi) => [...multi.groups()]);
    return all.filter(({ role }) => role === "leader").length;
  }
}

function settle(nodes: IdleNodes, isSettled: () => boolean): void {
  const ticksMax = 1_000;
  for (let tick = 0; tick < ticksMax && !isSettled(); tick++) nodes.tick();
  expect(isSettled()).toBe(true);
}

/** Bytes in use after a collection. */
function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (isCollector(collect)) collect();
  return process.memoryUsage().heapUsed;
}

function isCollector(value: unknown): value is () => void {
  return typeof value === "function";
}

test(`${awakeCount} awake, idle groups on 3 nodes for a second`, async ({ bench }) => {
  const nodes = new IdleNodes(awakeCount, 0);
  settle(nodes, () => nodes.ledCount === awakeCount);
  for (let tick = 0; tick < 50; tick++) nodes.tick();
  await bench("tick", () => {
    for (let tick = 0; tick < ticksPerSecond; tick++) nodes.tick();
  }).run();
  expect(nodes.awakeCount).toBe(awakeCount * nodeIds.length);
});

test(`${groupCount} hibernating groups on 3 nodes for a second`, async ({ bench, annotate }) => {
  const before = heapBytes();
  const nodes = new IdleNodes(groupCount, 20);
  settle(nodes, () => nodes.awakeCount === 0);
  const bytes = (heapBytes() - before) / (groupCount * nodeIds.length);
  await annotate(`${Math.round(bytes)} bytes of heap per sleeping replica, with its storage`);
  await bench("tick", () => {
    for (let tick = 0; tick < ticksPerSecond; tick++) nodes.tick();
  }).run();
  expect(nodes.awakeCount).toBe(0);
  expect(nodes.ledCount).toBe(groupCount);
});
