import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { describe, expect, test } from "vitest";
import { ProposalQueue } from "./proposal-queue.ts";

function queueWith(...proposals: (readonly [index: number, term: number])[]) {
  const queue = new ProposalQueue();
  const heard: string[] = [];
  for (const [index, term] of proposals) {
    queue.push({
      index,
      term,
      listener: {
        persisted: () => void heard.push(`persisted ${index}`),
        committed: () => void heard.push(`committed ${index}`),
        failed: (reason) => void heard.push(`${reason} ${index}`),
      },
    });
  }
  return { queue, heard };
}

const ignore = (): void => undefined;

/** Who waited for so many entries that are applied by now. */
function settledListeners(queue: ProposalQueue, count: number): WeakRef<object>[] {
  const listeners: WeakRef<object>[] = [];
  for (let index = 1; index <= count; index += 1) {
    const listener = { committed: ignore, failed: ignore };
    listeners.push(new WeakRef(listener));
    queue.push({ index, term: 1, listener });
    if (index > 1) queue.applied(index - 1, 1);
  }
  queue.applied(count, 1);
  return listeners;
}

/** Frees the memory of everything that nothing refers to. */
function collect(): void {
  setFlagsFromString("--expose-gc");
  const collector: unknown = runInNewContext("gc");
  if (isCollector(collector)) collector();
}

function isCollector(value: unknown): value is () => void {
  return typeof value === "function";
}

describe("ProposalQueue", () => {
  test("tells each proposer once that its entry is durable here, and then that it is committed", () => {
    const { queue, heard } = queueWith([5, 1], [6, 1]);
    queue.persisted(5);
    queue.persisted(5);
    queue.applied(5, 1);
    queue.persisted(6);
    queue.applied(6, 1);
    expect(heard).toEqual(["persisted 5", "committed 5", "persisted 6", "committed 6"]);
    expect(queue.size).toBe(0);
  });

  test("says lost where another leader's entry took the place", () => {
    const { queue, heard } = queueWith([5, 1]);
    queue.applied(4, 1);
    queue.applied(5, 2);
    expect(heard).toEqual(["lost 5"]);
  });

  test("says unknown to all that wait when leadership is over, and nothing afterwards", () => {
    const { queue, heard } = queueWith([5, 1], [6, 1]);
    queue.applied(5, 1);
    queue.abandon();
    queue.applied(6, 1);
    queue.persisted(6);
    expect(heard).toEqual(["committed 5", "unknown 6"]);
  });

  test("keeps nothing of proposals that are settled, however few there were", async () => {
    const queue = new ProposalQueue();
    const listeners = settledListeners(queue, 500);
    queue.push({ index: 501, term: 1, listener: { committed: ignore, failed: ignore } });
    // What was looked at in a turn is kept to its end.
    await new Promise<void>((resolve) => void nodeRuntime().clock.setTimer(0, resolve));
    collect();
    expect(listeners.filter((each) => each.deref() !== undefined)).toEqual([]);
    expect(queue.size).toBe(1);
  });

  test("stays right through many more proposals than it keeps places for", () => {
    const { queue, heard } = queueWith();
    for (let index = 1; index <= 5000; index += 1) {
      queue.push({
        index,
        term: 1,
        listener: { committed: () => void heard.push(String(index)), failed: () => undefined },
      });
      if (index > 10) queue.applied(index - 10, 1);
    }
    expect(queue.size).toBe(10);
    expect(heard.length).toBe(4990);
    expect(heard.at(-1)).toBe("4990");
  });
});
