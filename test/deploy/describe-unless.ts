import { describe } from "vitest";

/** `describe` where nothing is missing; otherwise suites are skipped, and a line says why. */
export function describeUnless(
  missing: string | undefined,
): typeof describe | typeof describe.skip {
  if (missing === undefined) return describe;
  console.warn(`Suites of deploy/ are skipped: ${missing}.`);
  return describe.skip;
}
