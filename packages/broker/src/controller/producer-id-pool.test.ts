import { expect, test } from "vitest";
import { ProducerIdPool, producerIdsPerBlock } from "./producer-id-pool.ts";

test("ProducerIdPool.next() never gives an id twice, across blocks and concurrent calls", async () => {
  let firstId = 1;
  const pool = new ProducerIdPool(async (count) => {
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
  const pool = new ProducerIdPool(async () => {
    attempts += 1;
    if (attempts === 1) throw new Error("no controller");
    return 7;
  });
  await expect(pool.next()).rejects.toThrow("no controller");
  await expect(pool.next()).resolves.toBe(7);
});
