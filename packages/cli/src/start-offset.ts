/** Where a consumer begins, in the shape the client takes. */
export type StartOffset =
  | "earliest"
  | "latest"
  | { readonly offset: number }
  | { readonly timestampMs: number }
  | { readonly last: number };

/** The forms {@link parseStartOffset} reads, for help and for errors. */
export const START_OFFSET_FORMS = "earliest, latest, OFFSET, -N (the last N) or @TIME";

const ISO_TIME =
  /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

/**
 * Reads the value of `--offset`: `earliest` (also `beginning`, `start`), `latest` (also `end`), an
 * offset, `-N` for the last N records of every partition, or `@` and a time: ISO 8601 (a date alone
 * is midnight UTC, a time without zone is local), or milliseconds since the epoch. Answers
 * `undefined` for anything else.
 */
export function parseStartOffset(text: string): StartOffset | undefined {
  switch (text) {
    case "earliest":
    case "beginning":
    case "start":
      return "earliest";
    case "latest":
    case "end":
      return "latest";
  }
  if (text.startsWith("@")) {
    const timestampMs = parseTimeMs(text.slice(1));
    return timestampMs === undefined ? undefined : { timestampMs };
  }
  const digits = /^(-?)(\d+)$/.exec(text);
  const count = Number(digits?.[2] ?? "NaN");
  if (digits === null || !Number.isSafeInteger(count)) return undefined;
  return digits[1] === "-" ? { last: count } : { offset: count };
}

function parseTimeMs(text: string): number | undefined {
  const timeMs = /^\d+$/.test(text)
    ? Number(text)
    : ISO_TIME.test(text)
      ? Date.parse(text)
      : Number.NaN;
  return Number.isSafeInteger(timeMs) ? timeMs : undefined;
}
