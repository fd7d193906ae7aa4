import { execFile, spawn } from "node:child_process";
import {
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import type { KeyValueStore } from "../key-value-store.ts";
import { LmdbStores } from "./lmdb-store.ts";

const root = await mkdtemp(join(tmpdir(), "ropewalk-lmdb-"));
afterAll(() => rm(root, { recursive: true }));

const stores = new LmdbStores();
const bytes = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));

async function openSound(directory: string): Promise<KeyValueStore> {
  const { store, discarded } = await stores.open(directory);
  expect(discarded).toBeUndefined();
  return store;
}

function contentOf(store: KeyValueStore): Map<string, string> {
  const all = store.range("\u0001", "\u{10ffff}");
  return new Map(Array.from(all, ([key, value]) => [key, Buffer.from(value).toString("latin1")]));
}

test("KeyValueStore.commit() makes changes that get() and range() see, over a reopening", async () => {
  const directory = join(root, "basic.store");
  const store = await openSound(directory);
  await store.commit([
    { key: "b", value: bytes("2") },
    { key: "a", value: bytes("1") },
    { key: "c", value: new Uint8Array(0) },
    { key: "gone", value: bytes("x") },
    { key: "gone", value: undefined },
    { key: "never", value: undefined },
  ]);
  await store.commit([]);
  await store.close();
  const reopened = await openSound(directory);
  expect(reopened.get("a")).toEqual(Buffer.from("1"));
  expect(reopened.get("c")).toEqual(Buffer.alloc(0));
  expect(reopened.get("gone")).toBeUndefined();
  expect([...contentOf(reopened)]).toEqual([
    ["a", "1"],
    ["b", "2"],
    ["c", ""],
  ]);
  expect([...reopened.range("a", "c")].map(([key]) => key)).toEqual(["a", "b"]);
  await reopened.close();
});

test("KeyValueStore.range() is in the order of code points and hides the store's own key", async () => {
  const store = await openSound(join(root, "order"));
  const keys = ["\u0001", "10", "9", "A", "a", "a/b", "a0", "ä", "\uffff", "\u{1f600}"];
  await store.commit(keys.toReversed().map((key) => ({ key, value: bytes(key) })));
  expect([...contentOf(store).keys()]).toEqual(keys);
  await store.close();
});

test("KeyValueStore.get() and range() give values that stay as they are", async () => {
  const store = await openSound(join(root, "kept"));
  const old = "old".repeat(1_000);
  await store.commit([0, 1, 2].map((i) => ({ key: `k${i}`, value: bytes(old) })));
  const values = [store.get("k0"), ...Array.from(store.range("k", "l"), ([, value]) => value)];
  const renewed = "new".repeat(1_000);
  for (let round = 0; round < 5; round += 1) {
    await store.commit([0, 1, 2].map((i) => ({ key: `k${i}`, value: bytes(renewed) })));
  }
  for (const value of values) expect(Buffer.from(value ?? []).toString()).toBe(old);
  await store.close();
});

test("KeyValueStore.commit() applies overlapping commits in the order of the calls", async () => {
  const store = await openSound(join(root, "overlap"));
  const commits = Array.from({ length: 50 }, (_, i) =>
    store.commit([
      { key: "last", value: bytes(String(i)) },
      { key: `own-${i}`, value: bytes("x") },
    ]),
  );
  await Promise.all(commits);
  expect(store.get("last")).toEqual(Buffer.from("49"));
  expect(contentOf(store).size).toBe(51);
  await store.close();
  await (await openSound(join(root, "overlap"))).close();
});

test("KeyValueStore refuses keys that it could not order or find again", async () => {
  const store = await openSound(join(root, "keys"));
  for (const key of ["", "\0x", "\ud800", "x".repeat(1_025)]) {
    await expect(store.commit([{ key, value: bytes("v") }])).rejects.toThrow(/key must/);
  }
  await store.commit([{ key: "x".repeat(1_024), value: bytes("v") }]);
  expect(store.get("x".repeat(1_024))).toEqual(Buffer.from("v"));
  await store.close();
});

/** A small pseudo-random stream, so that a failure replays. */
function randomStream(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

test("LmdbStores.open() trusts what any sequence of commits left, and finds all of it", async () => {
  const seed = 20_261_121;
  const random = randomStream(seed);
  const directory = join(root, "random");
  const model = new Map<string, string>();
  for (let reopening = 0; reopening < 12; reopening += 1) {
    const store = await openSound(directory);
    expect(contentOf(store), `seed ${seed}, reopening ${reopening}`).toEqual(
      new Map([...model].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    );
    for (let round = 0; round < 8; round += 1) {
      const changes = Array.from({ length: 1 + random(120) }, () => {
        const key = `key-${"k".repeat(random(40))}-${random(800)}`;
        const size = random(10) === 0 ? random(30_000) : random(300);
        return { key, value: random(3) === 0 ? undefined : Buffer.alloc(size, random(256)) };
      });
      await store.commit(changes);
      for (const { key, value } of changes) {
        if (value === undefined) model.delete(key);
        else model.set(key, value.toString("latin1"));
      }
    }
    await store.close();
  }
});

test("LmdbStores.open() finds every acknowledged commit of a process that was killed", async () => {
  const directory = join(root, "killed");
  for (let round = 0; round < 4; round += 1) {
    const acknowledged = await commitUntilKilled(directory, 5 + round * 20);
    const store = await openSound(directory);
    expect(Number(Buffer.from(store.get("last") ?? []).toString())).toBeGreaterThanOrEqual(
      acknowledged,
    );
    await store.close();
  }
});

/** Commits in a process of its own, kills it after so many commits, answers the last one it told. */
async function commitUntilKilled(directory: string, commitCount: number): Promise<number> {
  const source = new URL("./lmdb-store.ts", import.meta.url).href;
  const script = `import { LmdbStores } from ${JSON.stringify(source)};
    const { store } = await new LmdbStores().open(${JSON.stringify(directory)});
    for (let i = 0; ; i += 1) {
      const value = new TextEncoder().encode(String(i));
      const filler = new Uint8Array((i * 97) % 9000);
      const changes = [{ key: "last", value }, { key: "k" + (i % 50), value: filler }];
      await store.commit(changes);
      console.log(i);
    }`;
  const flags = ["--conditions=source", "--input-type=module", "--eval", script];
  const child = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
  let acknowledged = -1;
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Number(line);
    if (acknowledged === commitCount) child.kill("SIGKILL");
  }
  return acknowledged;
}

test.skipIf(process.platform === "win32")(
  "KeyValueStore.commit() rejects when the disk takes no more, and the process and the store live",
  async () => {
    const directory = join(root, "limited");
    const source = new URL("./lmdb-store.ts", import.meta.url).href;
    const script = `import { LmdbStores } from ${JSON.stringify(source)};
      const { store } = await new LmdbStores().open(${JSON.stringify(directory)});
      const report = (error) => console.log(error.code + ": " + error.message);
      for (let i = 0, failed = false; !failed; i += 1) {
        await store.commit([{ key: "k" + i, value: new Uint8Array(20000) }]).catch((error) => {
          failed = true;
          report(error);
        });
      }
      await store.commit([]).catch(report);
      console.log(store.get("k0").length);
      await store.close();`;
    const { stdout } = await promisify(execFile)("bash", [
      "-c",
      'ulimit -f 200 && exec "$0" --conditions=source --input-type=module --eval "$1"',
      process.execPath,
      script,
    ]);
    expect(stdout).toMatch(/^(IO: Cannot commit to the store in .*\n){2}20000\n$/);
    const store = await openSound(directory);
    expect(contentOf(store).size).toBeGreaterThan(3);
    await store.close();
  },
);

/** Makes a store that has trees of several levels, big values and free pages. */
async function makeStore(directory: string): Promise<void> {
  const store = await openSound(directory);
  for (let round = 0; round < 6; round += 1) {
    const changes = Array.from({ length: 150 }, (_, i) => ({
      key: `key-${(i * 7 + round * 31) % 500}-${"x".repeat(i % 60)}`,
      value: (i + round) % 5 === 0 ? undefined : Buffer.alloc((i % 9) * 700, i),
    }));
    await store.commit(changes);
  }
  await store.close();
}

/** Opens each of the directories in one process of its own, uses the stores, prints outcomes. */
async function outcomesInChild(directories: readonly string[]): Promise<string[]> {
  const source = new URL("./lmdb-store.ts", import.meta.url).href;
  const script = `import { LmdbStores } from ${JSON.stringify(source)};
    for (const directory of ${JSON.stringify(directories)}) {
      const { store, discarded } = await new LmdbStores().open(directory);
      let count = 0;
      for (const [key] of store.range("\\u0001", "\\u{10ffff}")) count += store.get(key) ? 1 : 0;
      for (let i = 0; i < (discarded ? 0 : 2); i += 1) {
        const value = new Uint8Array(3000);
        await store.commit(Array.from({ length: 60 }, (_, k) => ({ key: "n" + (k + i), value })));
      }
      await store.close();
      console.log(JSON.stringify([count, discarded ?? null]));
    }`;
  const flags = ["--conditions=source", "--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, flags);
  return stdout.trim().split("\n");
}

test("LmdbStores.open() discards a damaged store, says why, and the process lives", async () => {
  const pristine = join(root, "pristine");
  await makeStore(pristine);
  const data = await readFile(join(pristine, "data.mdb"));
  const damages: Record<string, (path: string) => Promise<void>> = {
    empty: (path) => writeFile(path, ""),
    garbage: (path) => writeFile(path, Buffer.alloc(100_000, "garbage ")),
    "short garbage": (path) => writeFile(path, "x"),
    zeros: (path) => writeFile(path, Buffer.alloc(data.length)),
    "cut to metas": (path) => truncate(path, 8_192),
    "cut in half": (path) => truncate(path, Math.floor(data.length / 2)),
    "cut in a page": (path) => truncate(path, 4_096 * 5 + 100),
  };
  const directories: string[] = [];
  for (const [name, damage] of Object.entries(damages)) {
    const directory = join(root, `damaged ${name}`);
    await mkdir(directory);
    await copyFile(join(pristine, "data.mdb"), join(directory, "data.mdb"));
    await damage(join(directory, "data.mdb"));
    await writeFile(join(directory, "lock.mdb"), Buffer.alloc(8_272, "garbage "));
    directories.push(directory);
  }
  for (const [i, outcome] of (await outcomesInChild(directories)).entries()) {
    expect(outcome, directories[i]).toMatch(/^\[0,".*data\.mdb is damaged: /);
  }
  expect(await readdir(directories[1] ?? "")).toContain("data.mdb.damaged");
});

test("LmdbStores.open() finds flipped bits, or they were in bytes that mean nothing", async () => {
  const seed = 7_700;
  const random = randomStream(seed);
  const pristine = join(root, "flip-pristine");
  await makeStore(pristine);
  const data = await readFile(join(pristine, "data.mdb"));
  const store = await openSound(pristine);
  const soundCount = contentOf(store).size;
  await store.close();
  const directories: string[] = [];
  for (let flip = 0; flip < 100; flip += 1) {
    const directory = join(root, `flip-${flip}`);
    const damaged = Buffer.from(data);
    // Every second one in the first bytes of a page, where the structure is.
    const page = random(data.length / 4_096) * 4_096;
    const position = page + random(flip % 2 === 0 ? 4_096 : 160);
    damaged[position] = (damaged[position] ?? 0) ^ (1 << random(8));
    await mkdir(directory);
    await writeFile(join(directory, "data.mdb"), damaged);
    directories.push(directory);
  }
  const outcomes = await outcomesInChild(directories);
  expect(outcomes).toHaveLength(directories.length);
  for (const outcome of outcomes) {
    expect(outcome, `seed ${seed}`).toMatch(
      new RegExp(`^\\[0,".* is damaged: |^\\[${soundCount},null\\]$`),
    );
  }
  const foundCount = outcomes.filter((outcome) => outcome.includes("is damaged")).length;
  expect(foundCount).toBeGreaterThan(20);
});
