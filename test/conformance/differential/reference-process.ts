import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The Go command; the reference needs Go 1.26. */
const go = process.env["GO"] ?? "go";
const sourceDirectory = fileURLToPath(new URL("reference", import.meta.url));

/** A program that runs schedules against go.etcd.io/raft/v3. */
export class ReferenceProcess implements Disposable {
  readonly #directory: string;
  readonly #executable: string;

  private constructor(directory: string, executable: string) {
    this.#directory = directory;
    this.#executable = executable;
  }

  /** Builds the program, or answers what is missing here. Throws when it does not compile. */
  static build(): ReferenceProcess | string {
    const options = { cwd: sourceDirectory, encoding: "utf8" } as const;
    if (spawnSync(go, ["version"], options).status !== 0) return "skipped: Go is not installed";
    const download = spawnSync(go, ["mod", "download"], options);
    if (download.status !== 0) {
      return `skipped: go.etcd.io/raft/v3 or Go 1.26 cannot be had: ${download.stderr}`;
    }
    const directory = mkdtempSync(path.join(tmpdir(), "raft-reference-"));
    const executable = path.join(directory, "reference");
    execFileSync(go, ["build", "-mod=readonly", "-o", executable, "."], options);
    return new ReferenceProcess(directory, executable);
  }

  /** Runs whole schedules and answers one line for each of `lines`. */
  async run(lines: readonly string[]): Promise<readonly string[]> {
    const child = spawn(this.#executable, { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.end(`${lines.join("\n")}\n`);
    const chunks: Buffer[] = [];
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) chunks.push(chunk);
    const answers = Buffer.concat(chunks).toString("latin1").split("\n");
    answers.pop();
    if (answers.length !== lines.length) {
      throw new Error(`the reference answered ${answers.length} of ${lines.length} lines`);
    }
    return answers;
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }
}
