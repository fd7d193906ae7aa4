import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { ProducerIdPool, producerIdsPerBlock } from "./producer-id-pool.ts";

test("ProducerIdPool.next() never gives an id twice, across blocks and concurrent calls", async () => {
  let firstId = 1;
  const pool = new ProducerIdPool(new SimulatedClock(), async (count) => {
    const block = firstId;
    firstId += count;
    return block;
  });
  const ids = await Promise.all(
    Array.from({ length: producerIdsPerBlock * 2 + 5 }, () => pool.next()),
  );
  expect(new Set(ids).size).toBe(ids.length);
});

test("ProducerIdPool.next() asks again after a failed allocation", async () => {
  let attempts = 0;
  const pool = new ProducerIdPool(new SimulatedClock(), async () => {
    attempts += 1;
    if (attempts === 1) throw new Error("no controller");
    return 7;
  });
  await expect(pool.next()).rejects.toThrow("no controller");
  await expect(pool.next()).resolves.toBe(7);
});

test("ProducerIdPool.next() lets go who waits no longer, and the block serves who still does", async () => {
  const clock = new SimulatedClock();
  const block = Promise.withResolvers<number>();
  let attempts = 0;
  const pool = new ProducerIdPool(clock, () => {
    attempts += 1;
    return block.promise;
  });
  const outcomes: unknown[] = [];
  pool.next({ timeoutMs: 200 }).catch((error: unknown) => outcomes.push(error));
  const patient = pool.next({ timeoutMs: 5_000 });
  await clock.run(199);
  expect(outcomes).toEqual([]);
  await clock.run(1);
  expect(outcomes).toMatchObject([
    { code: "LEADER_NOT_AVAILABLE", message: expect.stringContaining("within 200 ms") },
  ]);
  block.resolve(40);
  expect(await patient).toBe(40);
  expect(attempts).toBe(1);
  expect(clock.timerCount).toBe(0);
});
