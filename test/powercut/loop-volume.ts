import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type FileSystem, fileSystems } from "./power-supply.ts";

const volumeBytesUsually = 1024 * 1024 * 1024;
const unmountAttempts = 50;
const pauseMs = 100;

/** Where a volume is made, and how. */
export interface LoopVolumeOptions {
  readonly fileSystem: FileSystem;
  /** Holds the volume's image; on another file system than the volume, so it survives every cut. */
  readonly imagePath: string;
  readonly mountPoint: string;
  /** What `buildPowerSwitch` made; without it the power cannot be cut. */
  readonly powerSwitch?: string;
  /** What it holds; a gibibyte unless said otherwise. */
  readonly volumeBytes?: number;
}

/** Waits until the process that holds its standard input is gone, however it went; then cleans up. */
const guardScript = 'cat; umount --lazy "$1"; losetup --detach "$2"; rm -f "$3"; rmdir "$1"';

/**
 * A file system of its own in a file, whose power can be cut. Disposing unmounts it, and removes
 * device and image; so does a guard when this process dies without.
 */
export class LoopVolume implements Disposable {
  readonly mountPoint: string;
  readonly #options: LoopVolumeOptions;
  readonly #device: string;
  readonly #guard: ChildProcess;
  #isMounted = false;
  #isDisposed = false;

  private constructor(options: LoopVolumeOptions, device: string) {
    this.#options = options;
    this.#device = device;
    this.mountPoint = options.mountPoint;
    const args = ["-c", guardScript, "guard", options.mountPoint, device, options.imagePath];
    this.#guard = spawn("sh", args, { stdio: ["pipe", "ignore", "ignore"], detached: true });
    this.#guard.unref();
    process.once("disconnect", exitUnheard);
  }

  /** Makes the file system, empty, and mounts it. */
  static create(options: LoopVolumeOptions): LoopVolume {
    const { fileSystem, imagePath, mountPoint, volumeBytes = volumeBytesUsually } = options;
    const image = openSync(imagePath, "wx");
    ftruncateSync(image, volumeBytes); // Sparse: it takes what is written.
    closeSync(image);
    mkdirSync(mountPoint, { recursive: true });
    const device = run("losetup", ["--find", "--show", imagePath]).trim();
    const volume = new LoopVolume(options, device);
    try {
      const [program, ...flags] = fileSystems[fileSystem];
      run(program, [...flags, device]);
      volume.mount();
      rmSync(join(mountPoint, "lost+found"), { recursive: true, force: true });
      volume.unmount(); // Makes the empty file system durable.
      volume.mount();
    } catch (error) {
      volume[Symbol.dispose]();
      throw error;
    }
    return volume;
  }

  mount(): void {
    run("mount", [this.#device, this.mountPoint]);
    this.#isMounted = true;
  }

  /** From here on nothing reaches the disk, and what was not synced is lost. Unmount, then mount. */
  cutPower(): void {
    const { powerSwitch } = this.#options;
    assert(powerSwitch !== undefined, "the volume was made without a power switch");
    const withoutFlush = "2";
    run(powerSwitch, [this.mountPoint, withoutFlush]);
  }

  /** Who used the volume must have ended; the kernel may take a moment to notice. */
  unmount(): void {
    for (let attempt = 1; ; attempt++) {
      const { status, stderr } = spawnSync("umount", [this.mountPoint], { encoding: "utf8" });
      if (status === 0) break;
      if (attempt === unmountAttempts) throw new Error(`umount ${this.mountPoint}: ${stderr}`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
    }
    this.#isMounted = false;
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    process.off("disconnect", exitUnheard);
    this.#guard.kill("SIGKILL");
    // Lazily: a test that failed may have left somebody behind who holds a file.
    if (this.#isMounted) spawnSync("umount", ["--lazy", this.mountPoint]);
    spawnSync("losetup", ["--detach", this.#device]);
    rmSync(this.#options.imagePath, { force: true });
    rmSync(this.mountPoint, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

// A test runner that was interrupted leaves its workers behind, and nobody waits for them.
function exitUnheard(): void {
  process.exit(1);
}
