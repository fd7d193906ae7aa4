import { setTimeout as delay } from "node:timers/promises";

const pollMs = 10;

/** Waits for a condition to come true; fails with what was waited for when it does not in time. */
export async function waitFor(
  what: string | (() => string),
  deadlineMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > endMs) {
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === "string" ? what : what()}`);
    }
    await delay(pollMs);
  }
}
