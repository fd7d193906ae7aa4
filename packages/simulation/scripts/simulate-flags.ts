import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../../..");

/** Node's flags of `npm run simulate`: they have V8 collect seldom, which a run that keeps little is faster with. */
export function simulateFlags(): readonly string[] {
  const { scripts }: { scripts: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  return scripts["simulate"]?.split(" ").filter((word) => word.startsWith("--")) ?? [];
}
