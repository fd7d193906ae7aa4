import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** The version of this package. */
export function packageVersion(): string {
  // Beside `src` and beside `dist` alike.
  const content = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const description: unknown = JSON.parse(content);
  assert(typeof description === "object" && description !== null && "version" in description);
  return String(description.version);
}
