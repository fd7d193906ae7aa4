import { defineConfig } from "vitest/config";

const conditions = ["source"];
const resolve = { conditions };
/** A run allocates much and keeps little: V8 is to collect when its heap is full, and not for 64 MiB of buffers. */
const collectSeldom = [
  "--single-threaded-gc",
  "--external-memory-accounted-in-global-limit",
  "--initial-old-space-size=512",
];
const seedRuns = ["run", "regressions"].map((name) => `packages/simulation/src/${name}.test.ts`);
const ssr = { resolve: { conditions, externalConditions: conditions } };

/**
 * Nine suites. `unit` lives beside the code, `simulation` runs seeds, `cluster` starts real brokers, `conformance` holds the
 * code against tests written elsewhere, `differential` runs raft-ts beside etcd/raft, `deploy` runs the
 * container image, `powercut` makes file systems forget what was not synced, `faults` breaks clusters under load,
 * `micro` runs each benchmark once with next to nothing to do; `differential`, `deploy`, `powercut`, `faults` and
 * `bench` are not part of `npm test`. One suite runs after the other, so that none slows another's processes down.
 */
export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  resolve,
  ssr,
  test: {
    retry: 0,
    passWithNoTests: false,
    execArgv: ["--conditions=source"],
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts"],
      exclude: ["**/*.test.ts", "**/*.bench.ts", "**/generated/**"],
    },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          sequence: { groupOrder: 0 },
          include: [
            "packages/*/{scripts,src}/**/*.test.ts",
            "packages/testing/examples/vitest/*.test.ts",
            "test/*.test.ts",
            "bench/**/*.test.ts",
          ],
          exclude: seedRuns,
          benchmark: { include: [] },
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: "simulation",
          sequence: { groupOrder: 0 },
          include: seedRuns,
          benchmark: { include: [] },
          execArgv: collectSeldom,
        },
      },
      {
        extends: true,
        test: {
          name: "conformance",
          sequence: { groupOrder: 1 },
          include: ["test/conformance/**/*.test.ts"],
          exclude: ["test/conformance/differential/**"],
          benchmark: { include: [] },
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: "differential",
          sequence: { groupOrder: 5 },
          include: ["test/conformance/differential/**/*.test.ts"],
          benchmark: { include: [] },
        },
      },
      {
        extends: true,
        test: {
          name: "cluster",
          sequence: { groupOrder: 2 },
          include: ["test/cluster/**/*.test.ts"],
          benchmark: { include: [] },
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: "deploy",
          sequence: { groupOrder: 3 },
          include: ["test/deploy/**/*.test.ts"],
          benchmark: { include: [] },
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        extends: true,
        test: {
          name: "powercut",
          sequence: { groupOrder: 6 },
          include: ["test/powercut/**/*.test.ts"],
          benchmark: { include: [] },
          fileParallelism: false,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: "faults",
          sequence: { groupOrder: 7 },
          include: ["test/faults/**/*.test.ts"],
          benchmark: { include: [] },
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: "bench",
          sequence: { groupOrder: 4 },
          include: [],
          benchmark: { include: ["packages/*/src/**/*.bench.ts"] },
          experimental: { viteModuleRunner: false },
        },
      },
      {
        extends: true,
        test: {
          name: "micro",
          sequence: { groupOrder: 0 },
          include: [],
          env: { ROPEWALK_BENCH_TINY: "1" },
          benchmark: {
            enabled: true,
            include: ["packages/*/src/**/*.bench.ts"],
            provider: "test/run-once.ts",
          },
        },
      },
    ],
  },
});
