/** A cell of a table: numbers are aligned to the right, text to the left. */
export type Cell = string | number;

const GAP = "  ";

/**
 * Lays out rows under upper-case headings, with two spaces between columns and none at the end of a
 * line, so that it reads well and `awk` can take it apart. Answers lines that end in a newline.
 */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => String(row[column] ?? "").length)),
  );
  const isNumeric = headings.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"),
  );
  const formatRow = (row: readonly Cell[]): string => {
    const cells = widths.map((width, column) => {
      const text = String(row[column] ?? "");
      return isNumeric[column] === true ? text.padStart(width) : text.padEnd(width);
    });
    return `${cells.join(GAP).trimEnd()}\n`;
  };
  return [headings.map((heading) => heading.toUpperCase()), ...rows].map(formatRow).join("");
}

/** Lays out names and values, one pair a line. */
export function formatPairs(pairs: readonly (readonly [name: string, value: Cell])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs
    .map(([name, value]) => `${`${name.padEnd(width)}${GAP}${value}`.trimEnd()}\n`)
    .join("");
}
