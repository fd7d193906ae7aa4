#!/usr/bin/env node
// Starts the command line: the built one where it was built, the sources of a checkout otherwise.
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const built = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const insideCheckout = !fileURLToPath(import.meta.url).includes("/node_modules/");
const entry = insideCheckout && existsSync(source) ? ["--conditions=source", source] : [built];

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 12)) {
  console.error(
    `ropewalk: cannot run on Node ${process.versions.node}: it needs 24.12 or newer; in a checkout, run \`npm run setup\` and use \`npx ropewalk\``,
  );
  process.exit(1);
}
if (process.execve === undefined) {
  console.error(`ropewalk: cannot run on ${process.platform}: it needs Linux or macOS`);
  process.exit(1);
}

// Compiled code is kept in the checkout, which halves the time a command takes to start.
const cacheDirectory = fileURLToPath(
  new URL("../../../node_modules/.cache/ropewalk", import.meta.url),
);
if (insideCheckout) process.env["NODE_COMPILE_CACHE"] ??= cacheDirectory;

// Four threads would make one broker's reads wait behind its own flushes.
process.env["UV_THREADPOOL_SIZE"] ??= "8";
// Buffers are freed on other threads than they were made on; each thread's arena of the C library would keep its own.
process.env["MALLOC_ARENA_MAX"] ??= "2";

// Records lie outside of V8's heap. By default V8 collects all garbage after every 32 MiB that came and went there, which
// takes as much of a processor as the records do. Counted together with the heap, both may grow by a half between two
// collections: bench/README.md has the figures.
const memory = ["--external-memory-accounted-in-global-limit", "--heap-growing-percent=50"];
process.execve(
  process.execPath,
  [
    process.execPath,
    "--disable-warning=ExperimentalWarning",
    ...memory,
    ...entry,
    ...process.argv.slice(2),
  ],
  process.env,
);
