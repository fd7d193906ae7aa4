import { expect, test } from "vitest";

import { formatPairs, formatTable } from "./table.ts";

test("formatTable() aligns text to the left and numbers to the right", () => {
  const table = formatTable(
    ["name", "partitions"],
    [
      ["orders", 3],
      ["a", 12],
    ],
  );
  expect(table).toBe("NAME    PARTITIONS\norders           3\na               12\n");
});

test("formatTable() leaves no spaces at the end of a line, and shows the headings of an empty table", () => {
  expect(formatTable(["a", "b"], [["x", ""]])).toBe("A  B\nx\n");
  expect(formatTable(["a", "b"], [])).toBe("A  B\n");
});

test("formatPairs() aligns the values", () => {
  expect(
    formatPairs([
      ["id", 1],
      ["leader", "none"],
    ]),
  ).toBe("id      1\nleader  none\n");
});
