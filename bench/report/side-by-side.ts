import type { ResultRow } from "../results/result-file.ts";

/** Rows of several systems that did the same, with a title. */
export interface Comparison {
  readonly title: string;
  readonly rows: readonly ResultRow[];
  /** What is left of a row's label when the title has said the rest. */
  readonly nameOf: (row: ResultRow) => string;
}

/** A record's size as rows' labels write it. */
const sizes = [
  { recordBytes: 100, text: "100 B" },
  { recordBytes: 1024, text: "1 KiB" },
  { recordBytes: 10_240, text: "10 KiB" },
  { recordBytes: 102_400, text: "100 KiB" },
] as const;

/**
 * Rows of the comparison by what was done and with which records: "produce, 1 KiB". The roofline knows no records; what it
 * did for the same work stands beside each of them.
 */
export function comparisonsOf(rows: readonly ResultRow[]): readonly Comparison[] {
  const modes = ["produce", "fetch"] as const;
  return modes.flatMap((mode) =>
    sizes.flatMap(({ recordBytes, text }) => {
      const all = rows.filter(
        ({ figures, label, latencies, settings, system }) =>
          label.startsWith(`${mode},`) &&
          (settings["recordBytes"] === recordBytes || system === "roofline") &&
          figures.megabytesPerSecond !== undefined &&
          Object.keys(latencies).length === 0,
      );
      if (!all.some(({ system }) => system !== "roofline")) return [];
      const nameOf = (row: ResultRow): string => shortName(row, `${mode}, `, text);
      const title = `${mode === "produce" ? "Produce" : "Fetch"}, records of ${text}`;
      return [{ title, rows: all, nameOf }];
    }),
  );
}

/** How many times as many records we took as each other system, in the comparison of the smallest records. */
export function factorsOf(
  rows: readonly ResultRow[],
): readonly { readonly system: string; readonly factor: number; readonly title: string }[] {
  const [smallest] = comparisonsOf(rows);
  if (smallest === undefined) return [];
  const rateOf = ({ figures }: ResultRow): number => figures.recordsPerSecond ?? 0;
  const ours = smallest.rows.filter(({ system }) => system === "ropewalk");
  const best = Math.max(0, ...ours.map(rateOf));
  const others = smallest.rows.filter((row) => row.system !== "ropewalk" && rateOf(row) > 0);
  if (best === 0) return [];
  return others.map((row) => ({
    system: row.system,
    factor: best / rateOf(row),
    title: smallest.title.replace(/^./, (first) => first.toLowerCase()),
  }));
}

function shortName({ label, system }: ResultRow, mode: string, size: string): string {
  const rest = label.slice(mode.length).replace(size, "").replace(/^, /, "");
  return rest === "" ? system : `${system}, ${rest}`;
}
