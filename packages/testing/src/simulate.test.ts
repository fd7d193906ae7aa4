import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { simulate } from "./simulate.ts";
import { SimulationFailure } from "./simulation-failure.ts";

describe("simulate", () => {
  test("simulate() lets records be written and read under every fault, in virtual time", async () => {
    const seen: string[] = [];
    const [report] = await simulate(
      { seed: 1, faults: "all", topics: ["orders"] },
      async ({ client, cluster, faults }) => {
        const producer = client.producer();
        for (let number = 0; number < 20; number++) {
          await producer.send({ topic: "orders", value: String(number) });
          await cluster.clock.advance("1s");
        }
        await faults.stop();
        for await (const record of client.consumer({ topic: "orders", exitAtEnd: true })) {
          seen.push(String(record.value));
        }
      },
    );
    expect(seen).toEqual(Array.from({ length: 20 }, (_, number) => String(number)));
    expect(report?.elapsedMs).toBeGreaterThan(20_000);
    expect(report?.faultCounts.size).toBeGreaterThan(3);
  });

  test("simulate({ twice }) finds the same run of every seed, timers and randomness of the function included", async () => {
    await simulate(
      { seed: 7, runs: 3, faults: ["kill", "pause"], topics: ["orders"], twice: true },
      async ({ client }) => {
        const producer = client.producer();
        for (let number = 0; number < 10; number++) {
          await delay(Math.random() * 1000);
          await promisify(setTimeout)(Math.random() * 1000);
          await producer.send({ topic: "orders", value: `${randomUUID()} ${Date.now()}` });
        }
      },
    );
  });

  test("simulate({ twice }) names what does not do the same again", async () => {
    let count = 0;
    const failure = simulate({ seed: 7, topics: ["orders"], twice: true }, async ({ client }) => {
      await client.producer().send({ topic: "orders", value: ".".repeat(++count) });
    });
    await expect(failure).rejects.toMatchObject({ cause: { code: "NOT_DETERMINISTIC" } });
  });

  test("simulate() names the seed of a run that failed", async () => {
    const body = (): never => {
      throw new Error("my consumer lost a record");
    };
    const failure = await simulate({ seed: 4711 }, body).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SimulationFailure);
    expect(String(failure)).toContain("With seed 4711: my consumer lost a record");
    expect(String(failure)).toContain("ROPEWALK_SEED=4711");
  });

  test("simulate() ends a function that waits for ever, at its limit of virtual time", async () => {
    const failure = simulate({ seed: 1, limit: "5m" }, () => new Promise<void>(() => undefined));
    await expect(failure).rejects.toMatchObject({ cause: { code: "TIME_IS_UP" } });
  });

  test("simulate() twice at once keeps the two, and the test around them, apart", async () => {
    const before = Date.now();
    const body = async (): Promise<void> => {
      for (let round = 0; round < 5; round++) await delay(60_000);
      expect(new Date().getUTCFullYear()).toBe(2026);
      expect(new Date()).toBeInstanceOf(Date);
    };
    const options = { seed: 1, brokers: 1, twice: true };
    const [first, second] = await Promise.all([simulate(options, body), simulate(options, body)]);
    expect(first).toEqual(second);
    expect(first[0]?.elapsedMs).toBeGreaterThan(300_000);
    expect(Date.now() - before).toBeLessThan(60_000);
  });
});
