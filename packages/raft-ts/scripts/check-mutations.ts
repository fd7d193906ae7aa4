// Breaks a copy of this package in every known way, one at a time, and shows which test notices. Fails
// where a mutant survives, where a mutation no longer fits the source, and where the copy fails unbroken.
// With --write the table goes to the end of the README. Words after the options choose mutations by their names.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Mutation } from "./mutations.ts";
import { MUTATIONS } from "./mutations.ts";
import type { RunResult } from "./scratch-copy.ts";
import { hasPacks, ScratchCopy } from "./scratch-copy.ts";

/** Which tests run, cheapest first: the first that fails ends a mutant. */
const stages: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  {
    name: "unit",
    args: ["--project=unit", "--exclude=**/simulation.test.ts", "--exclude=**/multi/**"],
  },
  { name: "packs", args: ["--project=conformance"] },
  { name: "simulation", args: ["--project=unit", "src/simulation.test.ts"] },
  { name: "differential", args: ["--project=differential"] },
  { name: "multi", args: ["--project=unit", "src/multi/"] },
];
const stageTimeLimitMs = 240_000;
const parallel = 2;
const heading = "## Broken on purpose";

interface Verdict {
  readonly mutation: Mutation;
  readonly stage: string;
  readonly test: string;
  readonly isCaught: boolean;
}

const doWrite = process.argv.includes("--write");
const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const chosen = MUTATIONS.filter((mutation) => words.every((word) => mutation.name.includes(word)));

process.exitCode = (await main()) ? 0 : 1;

async function main(): Promise<boolean> {
  if (!hasPacks) console.warn("The test data of etcd/raft is not here: its packs are skipped.");
  using original = new ScratchCopy(undefined);
  for (const stage of stages) {
    const result = await original.run(stage.args, stageTimeLimitMs);
    if (result.kind === "passed") continue;
    console.error(`The unbroken copy fails in ${stage.name}: ${describe(result)}`);
    return false;
  }
  const queue = [...chosen];
  const verdicts: Verdict[] = [];
  await Promise.all(Array.from({ length: parallel }, () => work(original, queue, verdicts)));
  const ordered = chosen.flatMap((mutation) =>
    verdicts.filter((verdict) => verdict.mutation === mutation),
  );
  const caught = ordered.filter((verdict) => verdict.isCaught).length;
  console.log(`\n${caught} of ${ordered.length} mutants caught.`);
  if (doWrite) write(section(ordered));
  return caught === ordered.length;
}

async function work(original: ScratchCopy, queue: Mutation[], verdicts: Verdict[]): Promise<void> {
  using copy = new ScratchCopy(original);
  for (let mutation = queue.shift(); mutation !== undefined; mutation = queue.shift()) {
    const verdict = await judge(copy, mutation);
    verdicts.push(verdict);
    const word = verdict.isCaught ? "caught" : "SURVIVED";
    console.log(`${word}: ${mutation.name}\n    ${verdict.stage}: ${verdict.test}`);
  }
}

async function judge(copy: ScratchCopy, mutation: Mutation): Promise<Verdict> {
  const undo = copy.apply(mutation);
  if (typeof undo === "string") return { mutation, stage: "no fit", test: undo, isCaught: false };
  try {
    for (const { name, args } of stages) {
      const result = await copy.run(args, stageTimeLimitMs);
      if (result.kind === "passed") continue;
      const isCaught = result.kind !== "broken";
      return { mutation, stage: name, test: describe(result), isCaught };
    }
    return { mutation, stage: "none", test: "nothing failed", isCaught: false };
  } finally {
    undo();
  }
}

function describe(result: RunResult): string {
  if (result.kind === "failed") return result.test;
  return result.kind === "timedOut" ? `no end within ${stageTimeLimitMs} ms` : result.kind;
}

/** The README's last section is this one. */
function write(text: string): void {
  const file = path.resolve(import.meta.dirname, "../README.md");
  const [before = ""] = readFileSync(file, "utf8").split(`\n${heading}\n`);
  writeFileSync(file, `${before}\n${text}`);
  // On the path of npm's scripts.
  spawnSync("oxfmt", [file], { stdio: "inherit" });
}

function section(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(
    ({ mutation, stage, test }) =>
      `| ${mutation.name} | \`${mutation.file}\` | ${stage} | ${test.replaceAll("|", "\\|")} |`,
  );
  return `${heading}

Each line is one replacement of \`scripts/mutations.ts\`, and the first test that failed because of it. The unit tests
run first, then the packs of etcd/raft, then the seeded simulation, then 500 schedules beside etcd/raft itself (skipped
without Go), then the tests of \`raft-ts/multi\`. Written by \`npm run test:mutations -- --write\`.

| the broken core | file | caught by | first test that failed |
|---|---|---|---|
${rows.join("\n")}
`;
}
