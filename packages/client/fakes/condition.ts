import { setTimeout as delay } from "node:timers/promises";

/** Waits until `holds` answers true, or fails after `deadlineMs`. */
export async function until(
  holds: () => boolean,
  what: string,
  deadlineMs = 10_000,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`waited ${deadlineMs} ms in vain until ${what}`);
    await delay(2);
  }
}
