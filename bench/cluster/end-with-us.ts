import { constants } from "node:os";
import process from "node:process";

const endings = new Set<() => void>();
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** What a shell expects of a process that ended by a signal. */
const statusOfSignals = 128;

/** Has something end when this process does, however that comes about, unless it was disposed of before. */
export function endWithUs(end: () => void): Disposable {
  endings.add(end);
  return { [Symbol.dispose]: () => void endings.delete(end) };
}

/** From now on a signal ends everything that is to end with us, and then this process. */
export function listenForSignals(): void {
  process.on("exit", () => {
    for (const end of endings) end();
  });
  for (const signal of signals)
    process.once(signal, () => process.exit(statusOfSignals + constants.signals[signal]));
}
