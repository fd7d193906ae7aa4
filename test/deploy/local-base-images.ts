/**
 * Base images made of this machine's own files, so that no image registry is needed: the Node that
 * runs the tests with its shared libraries, and for the build also npm and the few programs it and
 * the Dockerfile start.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import type { ContainerEngine } from "./container-engine.ts";

export interface BaseImages {
  readonly build: string;
  readonly runtime: string;
}

const BUILD_PROGRAMS = ["sh", "env", "rm", "chmod"] as const;
/** The rest of glibc: native packages name parts of it that Node itself does not. */
const GLIBC_LIBRARIES = [
  "libdl.so.2",
  "libm.so.6",
  "libpthread.so.0",
  "libresolv.so.2",
  "librt.so.1",
];

const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** Makes both bases in the engine's store; `directory` holds their files meanwhile. */
export async function makeBaseImages(
  engine: ContainerEngine,
  directory: string,
): Promise<BaseImages> {
  const runtime = join(directory, "runtime-base");
  layOutRuntime(join(runtime, "rootfs"));
  await engine.buildFrom(runtime, "localhost/node-runtime:test", [
    "FROM scratch",
    "COPY rootfs/ /",
    "ENV PATH=/usr/local/bin:/usr/bin:/bin",
    "USER 65532:65532",
  ]);
  const build = join(directory, "build-base");
  layOutBuild(join(build, "rootfs"));
  await engine.buildFrom(build, "localhost/node-build:test", [
    "FROM localhost/node-runtime:test",
    "COPY rootfs/ /",
    "USER 0:0",
    "ENV HOME=/root npm_config_cache=/npm-cache npm_config_prefer_offline=true",
    `ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES} npm_config_registry=${npmConfig("registry")}`,
  ]);
  return { build: "localhost/node-build:test", runtime: "localhost/node-runtime:test" };
}

/** The folder of packages that npm downloaded before; a build that sees it downloads none again. */
export function npmCache(): string {
  return npmConfig("cache");
}

function layOutRuntime(root: string): void {
  for (const folder of ["etc", "tmp", "usr/local/bin"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  writeFileSync(join(root, "etc/passwd"), "nonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n");
  writeFileSync(join(root, "etc/group"), "nonroot:x:65532:\n");
  // The tests write /etc/hosts, where a service has as many addresses as pods that are ready.
  writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files\n");
  writeFileSync(join(root, "etc/host.conf"), "multi on\n");
  copyProgram(process.execPath, root, "usr/local/bin/node");
}

function layOutBuild(root: string): void {
  for (const folder of ["etc/ssl/certs", "root", "usr/bin", "usr/local/bin", "bin"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/root:/bin/sh\n");
  writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files dns\n");
  for (const program of BUILD_PROGRAMS) {
    const folder = program === "sh" ? "bin" : "usr/bin";
    copyProgram(which(program), root, join(folder, program));
  }
  if (existsSync(CERTIFICATES)) copyInto(CERTIFICATES, root, CERTIFICATES);
  const npmCli = realpathSync(which("npm")); // …/npm/bin/npm-cli.js
  const npm = dirname(dirname(npmCli));
  cpSync(npm, join(root, "usr/local/lib/npm"), { recursive: true, dereference: true });
  writeFileSync(
    join(root, "usr/local/bin/npm"),
    '#!/bin/sh\nexec node /usr/local/lib/npm/bin/npm-cli.js "$@"\n',
    { mode: 0o755 },
  );
}

/** Copies a program and the shared libraries that the loader names for it, each to its own path. */
function copyProgram(program: string, root: string, target: string): void {
  copyInto(program, root, target);
  const listing = execFileSync("ldd", [program], { encoding: "utf8" });
  for (const [, library] of listing.matchAll(/(?:^|\s)(\/\S+)\s+\(0x/g)) {
    if (library !== undefined) copyInto(library, root, library);
    if (library === undefined || !library.endsWith("/libc.so.6")) continue;
    for (const part of GLIBC_LIBRARIES.map((name) => join(dirname(library), name))) {
      if (existsSync(part)) copyInto(part, root, part);
    }
  }
}

function copyInto(source: string, root: string, target: string): void {
  const file = join(root, target);
  mkdirSync(dirname(file), { recursive: true });
  cpSync(realpathSync(source), file);
}

function which(program: string): string {
  const folders = (process.env["PATH"] ?? "").split(":");
  const found = folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`cannot make a base image: ${program} is not in PATH`);
  return found;
}

function npmConfig(key: string): string {
  return execFileSync("npm", ["config", "get", key], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
}
