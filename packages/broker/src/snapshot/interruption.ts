import { RopewalkError } from "@ropewalk/protocol";
import type { Clock } from "@ropewalk/runtime";

/** Ends all that is waited for at once, when the broker stops. */
export class Interruption {
  readonly #waiting = new Set<(error: RopewalkError) => void>();
  #isOver = false;

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Settles as `work` does, unless it is interrupted before: then it rejects, and `work` goes on unheard. */
  guard<T>(work: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.#isOver) reject(interrupted());
    else this.#waiting.add(reject);
    void work.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    return promise;
  }

  /** Resolves after `delayMs`; rejects where it is interrupted before. */
  async pause(clock: Clock, delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.setTimer(delayMs, resolve);
    try {
      await this.guard(promise);
    } finally {
      timer.cancel();
    }
  }

  interrupt(): void {
    this.#isOver = true;
    for (const reject of this.#waiting) reject(interrupted());
    this.#waiting.clear();
  }
}

function interrupted(): RopewalkError {
  return new RopewalkError("LEADER_NOT_AVAILABLE", "Cannot go on: this broker is stopping");
}
