import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Mutation } from "./mutations.ts";

const repository = path.resolve(import.meta.dirname, "../../..");
const copied = ["package.json", "test/vitest.config.ts", "test/conformance", "packages/raft-ts"];
const testdata =
  process.env["ETCD_RAFT_TESTDATA"] ?? path.resolve(repository, "../shared/conformance/etcd-raft");

/** How a run of tests went. */
export type RunResult =
  | { readonly kind: "passed" }
  | { readonly kind: "failed"; readonly test: string }
  | { readonly kind: "timedOut" }
  /** The run ended in an error, and no test is to blame for it. */
  | { readonly kind: "broken" };

/** Whether the test data of etcd/raft is at hand; without it the packs are skipped. */
export const hasPacks: boolean = existsSync(testdata);

/** A copy of this package and its tests that may be broken at will. */
export class ScratchCopy implements Disposable {
  readonly #root: string;

  /** Copies from the repository, or from another copy so that both see the same sources. */
  constructor(source: ScratchCopy | undefined) {
    this.#root = mkdtempSync(path.join(tmpdir(), "raft-ts-mutation-"));
    const from = source === undefined ? repository : source.#root;
    for (const name of copied) {
      cpSync(path.join(from, name), path.join(this.#root, name), {
        recursive: true,
        filter: (file) => !/[/\\](dist|node_modules)$/.test(file),
      });
    }
    // The repository's names packages that are not copied; types are not checked here anyway.
    const compilerOptions = { target: "esnext", module: "nodenext", verbatimModuleSyntax: true };
    for (const directory of [".", "test"]) {
      const file = path.join(this.#root, directory, "tsconfig.json");
      writeFileSync(file, JSON.stringify({ compilerOptions }));
    }
    this.#linkModules();
  }

  /** Everything is taken from the repository's modules but this package itself. */
  #linkModules(): void {
    const modules = path.join(this.#root, "node_modules");
    mkdirSync(modules);
    for (const name of readdirSync(path.join(repository, "node_modules"))) {
      if (name === "raft-ts" || name.startsWith(".")) continue;
      symlinkSync(path.join(repository, "node_modules", name), path.join(modules, name));
    }
    symlinkSync(path.join(this.#root, "packages/raft-ts"), path.join(modules, "raft-ts"));
  }

  /** Breaks the copy. Answers the undoing, or why the mutation does not fit the source any more. */
  apply(mutation: Mutation): (() => void) | string {
    const file = path.join(this.#root, "packages/raft-ts/src", mutation.file);
    const source = readFileSync(file, "utf8");
    const parts = source.split(mutation.from);
    if (parts.length !== 2) return `found ${parts.length - 1} times in ${mutation.file}`;
    writeFileSync(file, parts.join(mutation.to));
    return () => writeFileSync(file, source);
  }

  /** Runs tests until the first one fails. `args` choose which. */
  async run(args: readonly string[], timeLimitMs: number): Promise<RunResult> {
    const vitest = path.join(repository, "node_modules/vitest/vitest.mjs");
    const options = ["--config=test/vitest.config.ts", "--bail=1", "--maxWorkers=1"];
    const words = [vitest, "run", ...options, "--reporter=tap-flat", ...args];
    const child = spawn(process.execPath, words, {
      cwd: this.#root,
      env: { ...process.env, ETCD_RAFT_TESTDATA: testdata, RAFT_DIFFERENTIAL_COUNT: "500" },
      stdio: ["ignore", "pipe", "ignore"],
      // A group of its own, so that workers that never return end with it.
      detached: true,
    });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, timeLimitMs);
    const status = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => void chunks.push(chunk));
    const isPassed = (await status) === 0;
    clearTimeout(timer);
    if (isLate) return { kind: "timedOut" };
    if (isPassed) return { kind: "passed" };
    const test = firstFailure(Buffer.concat(chunks).toString());
    return test === undefined ? { kind: "broken" } : { kind: "failed", test };
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/**
 * File and name of the first test that failed, of a report in the Test Anything Protocol. Files that were
 * not begun any more are in it, too, without the name of a test.
 */
function firstFailure(report: string): string | undefined {
  const failures = [...report.matchAll(/^not ok \d+ - (?:\S*\/)?(.*?)(?: # .*)?$/gm)];
  const names = failures.map((match) => match[1] ?? "");
  return names.find((name) => name.includes(" > ")) ?? names[0];
}
