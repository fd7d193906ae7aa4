import type { Timer } from "@ropewalk/runtime";
import type { SimulatedProcess } from "@ropewalk/simulation";

type Callback = (...args: unknown[]) => void;

/** The longest delay that Node's timers keep; it turns anything above into one millisecond. */
const nodeDelayMsMax = 2 ** 31 - 1;

/** What `setTimeout` and `setInterval` answer within a simulation: Node's `Timeout`, in virtual time. */
export class VirtualTimeout {
  readonly #process: SimulatedProcess;
  readonly #delayMs: number;
  readonly #run: () => void;
  readonly #repeats: boolean;
  #timer: Timer | undefined;

  constructor(process: SimulatedProcess, delay: unknown, run: () => void, repeats: boolean) {
    this.#process = process;
    const delayMs = Number(delay);
    this.#delayMs = delayMs >= 1 && delayMs <= nodeDelayMsMax ? Math.trunc(delayMs) : 1;
    this.#run = run;
    this.#repeats = repeats;
    this.refresh();
  }

  refresh(): this {
    this.close();
    this.#timer = this.#process.post(this.#delayMs, () => {
      if (this.#repeats) this.refresh();
      this.#run();
    });
    return this;
  }

  close(): this {
    this.#timer?.cancel();
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A timer's callback with its arguments. */
export function bound(callback: Callback, args: readonly unknown[]): () => void {
  return () => callback(...args);
}

/** A promise that is fulfilled after a delay, as that of `node:timers/promises`. */
export function virtualDelay<T>(
  process: SimulatedProcess,
  delay: unknown,
  value: T,
  signal: AbortSignal | undefined,
): Promise<T> {
  const { promise, reject, resolve } = Promise.withResolvers<T>();
  if (signal?.aborted === true) return Promise.reject(abortError(signal));
  const timeout = new VirtualTimeout(process, delay, () => resolve(value), false);
  signal?.addEventListener("abort", () => {
    timeout.close();
    reject(abortError(signal));
  });
  return promise;
}

/** What `for await` goes through, as that of `node:timers/promises`: a value each `delay`. */
export async function* virtualInterval<T>(
  process: SimulatedProcess,
  delay: unknown,
  value: T,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void> {
  for (;;) yield await virtualDelay(process, delay, value, signal);
}

function abortError(signal: AbortSignal): Error {
  const error = new Error("The operation was aborted", { cause: signal.reason });
  return Object.assign(error, { name: "AbortError", code: "ABORT_ERR" });
}
