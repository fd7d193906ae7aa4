import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Directive } from "./datadriven.ts";
import { parseDirectives } from "./datadriven.ts";

const directory =
  process.env["ETCD_RAFT_TESTDATA"] ??
  fileURLToPath(new URL("../../../../shared/conformance/etcd-raft", import.meta.url));

/** Whether etcd-io/raft's test data is at hand. It is not part of this repository. */
export const hasTestdata: boolean = existsSync(directory);

/** What a skipped test says where the data is missing. */
export const skipReason = "set ETCD_RAFT_TESTDATA to the test data of etcd-io/raft";

/** One file of a pack, with its cases in order. */
export interface TestFile {
  readonly name: string;
  readonly directives: readonly Directive[];
}

/** The files of one pack in order of name; none where the data is missing. */
export function loadPack(pack: "quorum" | "confchange" | "interaction"): readonly TestFile[] {
  if (!hasTestdata) return [];
  return readdirSync(`${directory}/${pack}`)
    .filter((file) => file.endsWith(".txt"))
    .sort()
    .map((file) => ({
      name: `${pack}/${file}`,
      directives: parseDirectives(readFileSync(`${directory}/${pack}/${file}`, "utf8")),
    }));
}
