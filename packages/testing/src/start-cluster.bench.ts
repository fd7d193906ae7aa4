import process from "node:process";
import { test } from "vitest";
import { startCluster } from "./start-cluster.ts";

/*
 * What it takes until three brokers serve, in CPU time of the whole process, which other work on the machine changes
 * little, and on the clock. The first one also pays for what is compiled.
 * `npm run bench -- micro packages/testing/src/start-cluster.bench.ts`
 */

/** `npm test` runs this with next to nothing to do, so that it cannot rot. */
const isTiny = process.env["ROPEWALK_BENCH_TINY"] !== undefined;
const rounds = isTiny ? 1 : 40;

test("startCluster() with three brokers", { timeout: 60_000 }, async () => {
  const costs: { readonly cpuMs: number; readonly wallMs: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const [beganCpu, beganMs] = [process.cpuUsage(), performance.now()];
    const cluster = await startCluster();
    const { system, user } = process.cpuUsage(beganCpu);
    costs.push({ cpuMs: (system + user) / 1000, wallMs: performance.now() - beganMs });
    await cluster.close();
  }
  const [first, ...warm] = costs;
  const median = (values: readonly number[]): string =>
    (values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0).toFixed(1);
  console.log(
    `ready after ${median(warm.map(({ wallMs }) => wallMs))} ms, ${median(warm.map(({ cpuMs }) => cpuMs))} ms of CPU; ` +
      `the first of a process ${first?.wallMs.toFixed(0)} ms`,
  );
});
