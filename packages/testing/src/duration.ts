import { TestingError } from "./testing-error.ts";

const millisecondsOf = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A span of time: milliseconds, or a number with its unit, as in "250ms", "1.5s", "5m", "2h", "7d". */
export type Duration = number | `${number}${keyof typeof millisecondsOf}`;

/** The milliseconds of a duration. Throws INVALID_DURATION where it is none, or not finite, or negative. */
export function durationMs(duration: Duration): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(`${duration}`) ?? [];
  const ms = typeof duration === "number" ? duration : Number(number) * factorOf(unit);
  if (Number.isFinite(ms) && ms >= 0) return ms;
  const message = `${JSON.stringify(duration)} is no duration: give milliseconds, or a number with one of the units ${Object.keys(millisecondsOf).join(", ")}`;
  throw new TestingError("INVALID_DURATION", message);
}

function factorOf(unit: string): number {
  const found = Object.entries(millisecondsOf).find(([name]) => name === unit);
  return found?.[1] ?? Number.NaN;
}
