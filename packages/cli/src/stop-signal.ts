import process from "node:process";

const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;

/** What a shell expects of a process that ended by a signal. */
const STATUS_OF_SIGNALS = 128;

/**
 * Turns Ctrl-C and SIGTERM into a request to stop: the first one aborts the signal that is answered,
 * the second one ends the process at once. SIGHUP is left alone, so that `nohup` works.
 */
export function listenForStop(): AbortSignal {
  const controller = new AbortController();
  for (const [name, number] of Object.entries(SIGNAL_NUMBERS)) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(STATUS_OF_SIGNALS + number);
      controller.abort();
    });
  }
  return controller.signal;
}

/** Resolves once the signal is aborted. */
export function stopRequested(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
}
