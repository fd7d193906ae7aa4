import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(join(repository, "README.md"), "utf8");

/** Where the example can find the workspace's packages. */
const scratch = join(repository, "node_modules", ".cache", "ropewalk-readme");

test("the README's example runs as it stands", async () => {
  const [, example = ""] = /```ts\n([^]*?)```/.exec(readme) ?? [];
  await using cluster = await ProcessCluster.start(3);
  const { bootstrapServers } = cluster;
  await ropewalk(["topic", "create", "orders", "--partitions", "3"], { bootstrapServers });
  mkdirSync(scratch, { recursive: true });
  const file = join(scratch, `${process.pid}.mjs`);
  writeFileSync(file, example.replace("localhost:7700", bootstrapServers[0] ?? ""));
  const child = spawn(process.execPath, ["--conditions=source", file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  for await (const chunk of child.stdout) output += String(chunk);
  expect(output).toMatch(/^written to partition [0-2] at offset 0\n0 paid\n$/);
});

test("the README's commands of the second terminal print what it says", async () => {
  await using cluster = await ProcessCluster.start(3);
  const { bootstrapServers } = cluster;
  const created = await ropewalk(["topic", "create", "orders", "--partitions", "3"], {
    bootstrapServers,
  });
  expect(readme).toContain(created.stdout.toString().trim());
  const produced = await ropewalk(["produce", "orders"], {
    bootstrapServers,
    input: Buffer.from("hello\n"),
  });
  const shape = (line: string): string => line.replaceAll(/[\d.]+/g, "N").trim();
  expect(readme.split("\n").map(shape)).toContain(shape(produced.stderr));
  const consume = ["consume", "orders", "--from-beginning", "--exit-at-end"];
  const consumed = await ropewalk(consume, { bootstrapServers });
  expect(consumed.stdout.toString()).toBe("hello\n");
});
