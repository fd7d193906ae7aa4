/** The names of pods and services, as a hosts file that every container sees and that changes under them. */
import assert from "node:assert/strict";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";

/** The file keeps its size, so that one write replaces it and no reader finds it half empty. */
const FILE_BYTES = 4096;

export class SharedHostsFile {
  readonly path: string;
  readonly #addresses = new Map<string, readonly string[]>();

  constructor(path: string) {
    this.path = path;
    writeFileSync(path, Buffer.alloc(FILE_BYTES, "\n"));
  }

  /** Lets a name stand for these addresses from now on; for none, it is unknown. */
  publish(name: string, addresses: readonly string[]): void {
    this.#addresses.set(name, addresses);
    const lines = [["127.0.0.1", "localhost"]];
    for (const [known, those] of this.#addresses) {
      for (const address of those) lines.push([address, known]);
    }
    const text = lines.map((line) => line.join(" ")).join("\n");
    assert(text.length < FILE_BYTES, "all names fit into the file");
    const file = openSync(this.path, "r+");
    writeSync(file, text.padEnd(FILE_BYTES, "\n"), 0);
    closeSync(file);
  }
}
