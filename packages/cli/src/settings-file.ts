import { isMap, isScalar, LineCounter, parseDocument } from "yaml";

/** A setting as a file has it: its text, and the line it stands on. */
export interface FileSetting {
  readonly text: string;
  readonly line: number;
}

/** What a settings file says, and what is wrong with it. */
export interface SettingsFile {
  readonly settings: ReadonlyMap<string, FileSetting>;
  readonly faults: readonly { readonly line: number; readonly fault: string }[];
}

/**
 * Reads a settings file: YAML, and so JSON as well. It is one mapping of the names the flags have to
 * scalars; a mapping as a value (of `peers`) becomes `key=value,key=value`. Every fault is found, not
 * only the first: unknown keys, keys that are there twice, values of the wrong shape.
 */
export function parseSettingsFile(content: string, knownNames: readonly string[]): SettingsFile {
  const lineCounter = new LineCounter();
  const document = parseDocument(content, { lineCounter, prettyErrors: false });
  const lineAt = (position: number | undefined): number => lineCounter.linePos(position ?? 0).line;
  const faults = document.errors.map((error) => ({
    line: lineAt(error.pos[0]),
    fault: error.message,
  }));
  const settings = new Map<string, FileSetting>();
  const root = document.contents;
  if (faults.length > 0 || root === null) return { settings, faults };
  if (!isMap(root))
    return { settings, faults: [{ line: 1, fault: "it is not a mapping of names to values" }] };
  for (const { key, value } of root.items) {
    const name = String(isScalar(key) ? key.value : key);
    const line = lineAt(isScalar(key) ? key.range[0] : undefined);
    const text = settingText(value);
    if (!knownNames.includes(name)) faults.push({ line, fault: unknownName(name, knownNames) });
    else if (text === undefined)
      faults.push({ line, fault: `${name} has no value that could be read` });
    else settings.set(name, { text, line });
  }
  return { settings, faults };
}

function settingText(value: unknown): string | undefined {
  if (isMap(value)) {
    const entries = value.items.map(
      (item) => [settingText(item.key), settingText(item.value)] as const,
    );
    return entries.some((entry) => entry.includes(undefined))
      ? undefined
      : entries.map((entry) => entry.join("=")).join(",");
  }
  if (!isScalar(value) || value.value === null) return undefined;
  // What was written counts, not what YAML makes of it: 0x10 and 1_000 are no numbers here.
  return typeof value.value === "string" ? value.value : value.source;
}

/** Says that a name is not known, and which one may have been meant or all there are. */
function unknownName(name: string, knownNames: readonly string[]): string {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z]/g, "");
  const meant = knownNames.find((known) => plain(known) === plain(name));
  return meant === undefined
    ? `${name} is not a setting; there are ${knownNames.join(", ")}`
    : `${name} is not a setting; write ${meant}`;
}
