import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** Where peers are installed, outside of the repository: ROPEWALK_BENCH_PEERS, or the user's cache. */
export function peerCache(...names: readonly string[]): string {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return join(process.env["ROPEWALK_BENCH_PEERS"] ?? join(cache, "ropewalk-bench"), ...names);
}

/** What is missing of these files, as a sentence; undefined: nothing. */
export function missingOf(...paths: readonly string[]): string | undefined {
  const missing = paths.filter((path) => !existsSync(path));
  if (missing.length === 0) return undefined;
  return `${missing.join(", ")} not found; npm run bench -- peers --install fetches it`;
}
