import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../../..");

/** Node's flags of `npm run simulate`: they have V8 collect seldom, which a run that keeps little is faster with. */
export function simulateFlags(): readonly string[] {
  const manifest = readFileSync(join(root, "package.json"), "utf8");
  const script = /"simulate": "(?<words>[^"]*)"/.exec(manifest)?.groups?.["words"] ?? "";
  return script.split(" ").filter((word) => word.startsWith("--"));
}
