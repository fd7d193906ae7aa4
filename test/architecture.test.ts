/**
 * The layers of the house, as a table that is checked. A package may import those named in its row
 * and nothing else of ours; nobody imports the command line or the testing kit, and only that the simulation. That
 * is what keeps `raft-ts` publishable alone, the client free of the broker, and the broker able to
 * run in a simulated world: it cannot be added later, only be kept.
 *
 * Who wants to change a row changes the architecture, and says so in packages/README.md first.
 * .oxlintrc.json says the same in the editor; limits on functions and ambient globals are there.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

interface Layer {
  readonly directory: string;
  /** Packages of ours that it may import. */
  readonly imports: readonly string[];
  /** What it may import of Node: what computes ("pure"), or what acts as well ("world"). */
  readonly node: "pure" | "world";
}

const layers: Readonly<Record<string, Layer>> = {
  "raft-ts": { directory: "raft-ts", imports: [], node: "pure" },
  "@ropewalk/runtime": { directory: "runtime", imports: [], node: "pure" },
  "@ropewalk/protocol": { directory: "protocol", imports: [], node: "pure" },
  "@ropewalk/log": {
    directory: "log",
    imports: ["@ropewalk/protocol", "@ropewalk/runtime"],
    node: "pure",
  },
  "@ropewalk/broker": {
    directory: "broker",
    imports: ["raft-ts", "@ropewalk/log", "@ropewalk/protocol", "@ropewalk/runtime"],
    node: "pure",
  },
  "@ropewalk/client": {
    directory: "client",
    imports: ["@ropewalk/protocol", "@ropewalk/runtime"],
    node: "pure",
  },
  "@ropewalk/testing": {
    directory: "testing",
    // Simulation, because its clusters are simulated ones.
    imports: ["@ropewalk/broker", "@ropewalk/client", "@ropewalk/runtime", "@ropewalk/simulation"],
    node: "world",
  },
  "@ropewalk/simulation": {
    directory: "simulation",
    // Log to hold what stopped brokers have stored against each other.
    imports: ["@ropewalk/broker", "@ropewalk/client", "@ropewalk/log", "@ropewalk/runtime"],
    node: "world",
  },
  // Log to look into a stopped broker's, runtime for the Node versions that it starts brokers with,
  // protocol for the error codes it explains.
  ropewalk: {
    directory: "cli",
    imports: [
      "@ropewalk/broker",
      "@ropewalk/client",
      "@ropewalk/log",
      "@ropewalk/protocol",
      "@ropewalk/runtime",
    ],
    node: "world",
  },
};

/** What of Node computes and does not act. */
const pureNodeModules = [
  "node:assert",
  "node:assert/strict",
  "node:buffer",
  "node:util",
  "node:zlib",
];

/** The doors to the world in packages that are otherwise free of it. */
const worldDoors = [
  "packages/runtime/src/node/", // The Node versions of its interfaces.
  "packages/client/src/create-client.ts", // Hands Node's clock and random to the client.
];

/** What lies in the repository's root, apart from dotfiles and what tools leave there. */
const topLevel = {
  required: ["LICENSE", "README.md", "package-lock.json", "package.json", "packages", "proto"],
  allowed: ["bench", "deploy", "test", "tsconfig.json"],
  leftByTools: ["coverage", "node_modules"],
};

const lineCountMax = 500;
/** Files that are longer than they should be, with their length: it may only fall. */
const longFiles: Readonly<Record<string, number>> = {};

const namelessFiles = /^(utils?|helpers?|common|types|misc|shared|constants|manager)\.ts$/;

const root = resolve(import.meta.dirname, "..");
const packageNames = Object.keys(layers).filter((name) => existsSync(directoryOf(name)));

test("The repository's root holds what it should and nothing else", () => {
  const entries = readdirSync(root).filter((name) => !name.startsWith("."));
  const known = [...topLevel.required, ...topLevel.allowed, ...topLevel.leftByTools];
  expect(entries.filter((name) => !known.includes(name))).toEqual([]);
  expect(topLevel.required.filter((name) => !entries.includes(name))).toEqual([]);
});

test("Every package has a row in the table of layers, under its name", () => {
  const directories = readdirSync(join(root, "packages"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  const listed = packageNames.map((name) => layerOf(name).directory);
  expect(directories.toSorted()).toEqual(listed.toSorted());
  for (const name of packageNames) expect(manifestOf(name).name).toBe(name);
});

describe.each(packageNames)("%s", (name) => {
  const manifest = manifestOf(name);
  const dependencies = Object.keys(manifest.dependencies ?? {});
  const workspaceDependencies = dependencies.filter((dependency) => dependency in layers);
  const sources = sourceFilesOf(name);

  test("depends on packages of lower layers only", () => {
    expect(workspaceDependencies.filter((it) => !layerOf(name).imports.includes(it))).toEqual([]);
  });

  test("has a tsconfig reference for each package of ours that it depends on, and no other", () => {
    const expected = workspaceDependencies.map((it) => `../${layerOf(it).directory}`);
    expect(referencesOf(name).toSorted()).toEqual(expected.toSorted());
  });

  test("imports only what it declares", () => {
    const undeclared = sources.flatMap((path) =>
      importsOf(path)
        .filter((specifier) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
        .filter((specifier) => !dependencies.includes(packageOf(specifier)))
        .map((specifier) => `${path}: ${specifier}`),
    );
    expect(undeclared).toEqual([]);
  });

  test("imports other packages of ours by their public names only", () => {
    const deep = [...sources, ...testFilesOf(name)].flatMap((path) =>
      importsOf(path)
        .filter((specifier) => packageOf(specifier) in layers && !isPublic(specifier))
        .map((specifier) => `${path}: ${specifier}`),
    );
    expect(deep).toEqual([]);
  });

  test("does not reach out of its own sources with a relative import", () => {
    const sourceDirectory = join(directoryOf(name), "src");
    const escaping = sources.flatMap((path) =>
      importsOf(path)
        .filter((specifier) => specifier.startsWith("."))
        .filter((specifier) => {
          const target = resolve(root, dirname(path), specifier);
          return relative(sourceDirectory, target).startsWith("..") || !existsSync(target);
        })
        .map((specifier) => `${path}: ${specifier}`),
    );
    expect(escaping).toEqual([]);
  });

  test.runIf(layerOf(name).node === "pure")("touches the world through runtime only", () => {
    const touching = sources
      .filter((path) => !worldDoors.some((door) => path.startsWith(door)))
      .flatMap((path) =>
        importsOf(path, "values")
          .filter(
            (specifier) =>
              specifier === "@ropewalk/runtime/node" ||
              (specifier.startsWith("node:") && !pureNodeModules.includes(specifier)),
          )
          .map((specifier) => `${path}: ${specifier}`),
      );
    expect(touching).toEqual([]);
  });

  test("has index files that list what is public, by name and without code", () => {
    const indexes = sources.filter((path) => basename(path) === "index.ts");
    const listing = /export (type )?\{[^}]*\} from "\.{1,2}\/[^"]+";/g;
    const leftovers = indexes.map((path) =>
      withoutComments(read(path)).replace(listing, "").trim(),
    );
    expect(leftovers.filter((rest) => rest !== "")).toEqual([]);
  });

  test("documents every public export", () => {
    expect(undocumentedExportsOf(name)).toEqual([]);
  });

  test("keeps its files short, named after an idea, and at most one folder deep", () => {
    for (const path of sources) {
      const lineCount = read(path).split("\n").length - 1;
      expect(lineCount, path).toBeLessThanOrEqual(longFiles[path] ?? lineCountMax);
      expect(basename(path), path).not.toMatch(namelessFiles);
      expect(path.split("/").length, `${path} is too deep`).toBeLessThanOrEqual(5);
    }
  });
});

test("Only brokers know the messages that brokers send each other", () => {
  const knowing = Object.keys(layers)
    .filter((name) => name !== "@ropewalk/broker")
    .flatMap((name) => sourceFilesOf(name))
    .filter((path) => importsOf(path).includes("@ropewalk/protocol/internal"));
  expect(knowing).toEqual([]);
});

test("The list of long files holds no file that became short or is gone", () => {
  const lineCounts = Object.entries(longFiles).map(([path, lineCount]) => ({ path, lineCount }));
  for (const { path, lineCount } of lineCounts) {
    expect(existsSync(join(root, path)), path).toBe(true);
    expect(read(path).split("\n").length - 1, path).toBe(lineCount);
  }
});

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
}

function layerOf(name: string): Layer {
  const layer = layers[name];
  if (layer === undefined) throw new Error(`${name} is not in the table of layers`);
  return layer;
}

function directoryOf(name: string): string {
  return join(root, "packages", layerOf(name).directory);
}

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(join(directoryOf(name), "package.json"), "utf8")) as Manifest;
}

function referencesOf(name: string): string[] {
  const text = readFileSync(join(directoryOf(name), "tsconfig.json"), "utf8");
  const config = JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, "")) as {
    references?: { path: string }[];
  };
  return (config.references ?? []).map(({ path }) => path);
}

/** TypeScript files below src, generated ones left out, as paths from the root. */
function filesOf(name: string): string[] {
  const directory = join(directoryOf(name), "src");
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((path) => relative(root, join(directory, path)).replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && !path.includes("/generated/"));
}

function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.endsWith(".bench.ts");
}

function sourceFilesOf(name: string): string[] {
  return filesOf(name).filter((path) => !isTest(path));
}

function testFilesOf(name: string): string[] {
  return filesOf(name).filter(isTest);
}

/** What a file imports or re-exports; "values" leaves out what exists for the compiler only. */
function importsOf(path: string, kinds: "all" | "values" = "all"): string[] {
  const code = withoutComments(read(path));
  const statement = /^(?:import|export)\s+(type\s)?(?:[^;"']*?\sfrom\s+)?"([^"]+)"/gm;
  const dynamic = /\bimport\("([^"]+)"\)/g;
  const specifiers = [...code.matchAll(statement)]
    .filter((match) => kinds === "all" || match[1] === undefined)
    .map((match) => match[2] ?? "");
  return [...specifiers, ...[...code.matchAll(dynamic)].map((match) => match[1] ?? "")];
}

function withoutComments(code: string): string {
  return code.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
}

/** "@scope/name/sub" → "@scope/name". */
function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function isPublic(specifier: string): boolean {
  const name = packageOf(specifier);
  return `.${specifier.slice(name.length)}` in (manifestOf(name).exports ?? {});
}

/** Names that an index file lists, whose declaration has no doc comment right above it. */
function undocumentedExportsOf(name: string): string[] {
  const indexes = sourceFilesOf(name).filter((path) => basename(path) === "index.ts");
  return indexes.flatMap((index) =>
    [...withoutComments(read(index)).matchAll(/export (?:type )?\{([^}]*)\} from "([^"]+)"/g)]
      .map(([, names = "", from = ""]) => ({
        path: relative(root, resolve(root, dirname(index), from)).replaceAll("\\", "/"),
        names: names.split(",").map((it) => it.trim().replace(/^type /, "")),
      }))
      .filter(({ path }) => !path.includes("/generated/"))
      .flatMap(({ path, names }) =>
        names
          .map((it) => it.split(" as ")[0] ?? it)
          .filter((it) => it !== "" && !isDocumented(read(path), it))
          .map((it) => `${path}: ${it}`),
      ),
  );
}

function isDocumented(code: string, name: string): boolean {
  const declaration = new RegExp(
    `^export (?:declare |abstract |async )*(?:class|interface|type|const|function\\*?) ${RegExp.escape(name)}\\b`,
    "m",
  );
  const position = code.search(declaration);
  return position >= 0 && code.slice(0, position).trimEnd().endsWith("*/");
}
