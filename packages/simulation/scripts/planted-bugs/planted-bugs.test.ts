import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { plantedBugs } from "./planted-bugs.ts";

const packages = join(import.meta.dirname, "../../..");

describe("plantedBugs", () => {
  test.each(plantedBugs.map((bug) => [bug.name, bug] as const))(
    "%s: has a place of its own in the sources",
    (_name, { file, find }) => {
      const source = readFileSync(join(packages, file), "utf8");
      expect(source.split(find)).toHaveLength(2);
    },
  );
});
