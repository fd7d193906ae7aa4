/** How often a condition is asked for again. */
const POLL_INTERVAL_MS = 200;

/** Waits until a condition holds; throws with `what` when it has not within the deadline. */
export async function eventually(
  what: string,
  deadlineMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const signal = AbortSignal.timeout(deadlineMs);
  while (!(await condition())) {
    if (signal.aborted) throw new Error(`${what}: not within ${String(deadlineMs)} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}
