import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The file systems whose power can be cut, and what makes them. */
export const fileSystems = {
  ext4: ["mkfs.ext4", "-q"],
  xfs: ["mkfs.xfs", "-q", "-f"],
} as const;

export type FileSystem = keyof typeof fileSystems;

/** Where `fs_shutdown.c` is: the program that makes a mounted file system forget what was not synced. */
const faultKitDirectory: string =
  process.env["ROPEWALK_FAULT_KIT"] ??
  fileURLToPath(new URL("../../../shared/tools/fault-kit", import.meta.url));

const shutdownSource = join(faultKitDirectory, "fs_shutdown.c");

/** Succeeds where this process may mount. */
const mountProbe = ["unshare", "--mount", "true"] as const;

/** What this machine lacks for file systems of its own; `undefined` when it has everything. */
export function volumeObstacle(): string | undefined {
  if (process.platform !== "linux") return "loop devices need Linux";
  if (process.getuid?.() !== 0) return "loop devices need root, to mount";
  const makers = Object.values(fileSystems).map(([program]) => program);
  const programs = ["losetup", "mount", "umount", "fallocate", ...makers];
  const absent = programs.filter((program) => !isOnPath(program));
  if (absent.length > 0) return `not installed: ${absent.join(", ")}`;
  if (spawnSync("losetup", ["--find"]).status !== 0) return "there is no free loop device";
  const [program, ...flags] = mountProbe;
  return spawnSync(program, flags).status === 0 ? undefined : "mounting is not allowed here";
}

/** What this machine lacks for power cuts; `undefined` when it has everything. */
export function powerCutObstacle(): string | undefined {
  if (!existsSync(shutdownSource)) {
    return `${shutdownSource} is not there; ROPEWALK_FAULT_KIT names another directory`;
  }
  return isOnPath("gcc") ? volumeObstacle() : "not installed: gcc";
}

/** Builds the program that cuts the power; answers its path. */
export function buildPowerSwitch(directory: string): string {
  const path = join(directory, "fs-shutdown");
  execFileSync("gcc", ["-O1", "-o", path, shutdownSource]);
  return path;
}

function isOnPath(program: string): boolean {
  const directories = (process.env["PATH"] ?? "").split(":");
  return directories.some((directory) => existsSync(join(directory, program)));
}
