import { DiskError, type KeyValueChange, type KeyValueStore } from "@ropewalk/runtime";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { expect, test } from "vitest";
import { Checkpointer } from "./checkpointer.ts";
import type { StateMachine } from "./raft/state-machine.ts";
import { SimulatedClock } from "../fakes/simulated-clock.ts";

const { logger } = nodeRuntime({ log: { level: "silent" } });

/** A number as a value. */
function valueOf(number: number): Uint8Array {
  return Uint8Array.of(number);
}

/** A machine that counts, and a store whose commits wait for the test. */
class Scene {
  readonly held: PromiseWithResolvers<void>[] = [];
  readonly committed: (readonly KeyValueChange[])[] = [];
  readonly checkpointer: Checkpointer;
  count = 0;
  machineChanges = true;

  constructor() {
    const store: Partial<KeyValueStore> = {
      commit: (changes) => {
        this.committed.push(changes);
        const held = Promise.withResolvers<void>();
        this.held.push(held);
        return held.promise;
      },
    };
    const clock = new SimulatedClock();
    this.checkpointer = new Checkpointer(store as KeyValueStore, clock, logger, 1000);
    const machine: Partial<StateMachine> = {
      takeChanges: () =>
        this.machineChanges ? [{ key: "count", value: valueOf(this.count) }] : [],
    };
    this.checkpointer.add(machine as StateMachine);
  }

  /** How often something was handed to the store. */
  async commits(count: number): Promise<void> {
    await expect.poll(() => this.committed.length).toBe(count);
  }

  /** What the store has under a key after its last commit. */
  last(key: string): number | undefined {
    return this.committed.at(-1)?.findLast((change) => change.key === key)?.value?.[0];
  }
}

test("Checkpointer.commit() asks for the changes when their turn has come, not when it is called", async () => {
  const scene = new Scene();
  const { checkpointer, held } = scene;
  const flushed = checkpointer.flush();
  await scene.commits(1);
  const done = checkpointer.commit(() => [{ key: "count", value: valueOf(scene.count) }]);
  scene.count = 7; // Applied while the store still writes.
  held[0]?.resolve();
  await flushed;
  await scene.commits(2);
  expect(scene.last("count")).toBe(7);
  held[1]?.resolve();
  expect(await done).toBe(true);
});

test("Checkpointer.commit() keeps what the machines changed where the disk is full, not what was brought", async () => {
  const scene = new Scene();
  const { checkpointer, held } = scene;
  scene.count = 1;
  const done = checkpointer.commit(() => [{ key: "image", value: valueOf(1) }]);
  await scene.commits(1);
  expect(scene.last("image")).toBe(1);
  held[0]?.reject(new DiskError("FULL", "no room"));
  expect(await done).toBe(false);
  scene.machineChanges = false;
  const flushed = checkpointer.flush();
  await scene.commits(2);
  held[1]?.resolve();
  expect(await flushed).toBe(true);
  expect(scene.last("count")).toBe(1);
  expect(scene.last("image")).toBeUndefined();
});
