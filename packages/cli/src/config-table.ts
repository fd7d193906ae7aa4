import type { ConfigDescription } from "@ropewalk/protocol";

import { formatTable } from "./table.ts";

/** What a table of configs shows. */
export interface ConfigTableOptions {
  /** A column that says what each config does and which values it can have. */
  readonly docs?: boolean;
}

/** Lays out configs for people: value, where it comes from, and what it is otherwise. */
export function formatConfigs(
  configs: readonly ConfigDescription[],
  { docs = false }: ConfigTableOptions = {},
): string {
  const headings = ["config", "value", "source", "default", ...(docs ? ["documentation"] : [])];
  const rows = configs.map((config) => [
    config.name,
    shown(config.value),
    sourceOf(config),
    shown(config.defaultValue),
    ...(docs ? [documentationOf(config)] : []),
  ]);
  return formatTable(headings, rows);
}

/** Nothing and the empty value must not look alike, nor leave a hole in a table that is cut by columns. */
function shown(value: string | undefined): string {
  if (value === undefined) return "-";
  return value === "" ? '""' : value;
}

function sourceOf({ readOnly, source, support }: ConfigDescription): string {
  if (support === "UNSUPPORTED") return "unsupported";
  const name = source.toLowerCase().replaceAll("_", "-");
  return readOnly ? `${name},read-only` : name;
}

function documentationOf({ documentation, support, validValues }: ConfigDescription): string {
  const values = validValues === "" ? "" : ` (${validValues})`;
  const fixed = support === "MAPPED" ? "always so: " : "";
  return `${fixed}${documentation}${values}`;
}
