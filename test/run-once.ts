import { Bench } from "tinybench";
import type { BenchmarkProvider } from "vitest";

/**
 * Runs each benchmarked function once: `npm test` says whether benchmarks still work, `npm run bench -- micro` how fast what
 * they measure is.
 */
const runOnce: BenchmarkProvider = {
  async run({ registrations }) {
    const bench = new Bench({ iterations: 1, time: 0, warmup: false });
    for (const { fn, fnOpts, name } of registrations) bench.add(name, fn, fnOpts);
    await bench.run();
    return bench.tasks.map(({ name, result }) => {
      if (result.state === "completed") return { ...result, name };
      throw result.state === "errored" ? result.error : new Error(`${name} was not run`);
    });
  },
};

export default runOnce;
