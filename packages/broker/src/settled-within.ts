import type { RopewalkError } from "@ropewalk/protocol";
import type { Clock } from "@ropewalk/runtime";

/**
 * What `work` comes to, or a rejection with `late()` once `timeoutMs` have passed; `undefined`: however long it takes. What
 * was begun is not undone by that: it goes on, and nobody hears what comes of it.
 */
export function settledWithin<Result>(
  clock: Clock,
  timeoutMs: number | undefined,
  work: Promise<Result>,
  late: () => RopewalkError,
): Promise<Result> {
  if (timeoutMs === undefined) return work;
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const timer = clock.setTimer(timeoutMs, () => reject(late()));
  work.then(resolve, reject).finally(() => timer.cancel());
  return promise;
}
