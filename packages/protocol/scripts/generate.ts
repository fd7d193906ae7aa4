// Writes src/generated from proto/. With --check it writes nothing, and fails where it would.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, resolve } from "node:path";

import { descriptorModule } from "./descriptor-code.ts";
import { payloadMessages, refuseRecursion } from "./message-code.ts";
import { type GeneratedModule, schemaModules } from "./module-code.ts";
import { loadSchema } from "./proto-schema.ts";

const repositoryRoot = resolve(import.meta.dirname, "../../..");
const protoRoot = resolve(repositoryRoot, "proto");
const generatedDirectory = resolve(import.meta.dirname, "../src/generated");

// The tools lie beside Node's packages, whoever calls.
process.env["PATH"] = [resolve(repositoryRoot, "node_modules/.bin"), process.env["PATH"]].join(
  delimiter,
);

if (process.argv.includes("--check")) check(generate());
else write(generate());

function generate(): GeneratedModule[] {
  const paths = readdirSync(protoRoot, { recursive: true, encoding: "utf8" });
  const protoPaths = paths
    .filter((path) => path.endsWith(".proto"))
    .map((path) => path.replaceAll("\\", "/"));
  const files = loadSchema(protoRoot, protoPaths.toSorted());
  refuseRecursion(files);
  const modules = [...schemaModules(files, payloadMessages(files)), descriptorModule(protoRoot)];
  return modules.map(format);
}

function format({ fileName, text }: GeneratedModule): GeneratedModule {
  const path = resolve(generatedDirectory, fileName);
  const oxfmt = spawnSync("oxfmt", [`--stdin-filepath=${path}`], {
    cwd: repositoryRoot,
    input: text,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (oxfmt.status !== 0)
    throw new Error(`oxfmt refused ${fileName}: ${oxfmt.error ?? oxfmt.stderr}\n${text}`);
  return { fileName, text: oxfmt.stdout };
}

function write(modules: readonly GeneratedModule[]): void {
  mkdirSync(generatedDirectory, { recursive: true });
  for (const stray of strayFiles(modules)) rmSync(resolve(generatedDirectory, stray));
  for (const { fileName, text } of modules)
    writeFileSync(resolve(generatedDirectory, fileName), text);
}

function check(modules: readonly GeneratedModule[]): void {
  const differing = modules.filter(({ fileName, text }) => readGenerated(fileName) !== text);
  const names = [...differing.map((module) => module.fileName), ...strayFiles(modules)];
  if (names.length === 0) return;
  console.error(`src/generated of packages/protocol is not what proto/ says: ${names.join(", ")}.`);
  console.error("Run `npm run generate` and commit the result.");
  process.exitCode = 1;
}

function strayFiles(modules: readonly GeneratedModule[]): string[] {
  const expected = new Set(modules.map((module) => module.fileName));
  return readdirSync(generatedDirectory).filter((fileName) => !expected.has(fileName));
}

function readGenerated(fileName: string): string | undefined {
  try {
    return readFileSync(resolve(generatedDirectory, fileName), "utf8");
  } catch {
    return undefined; // Not generated yet.
  }
}
