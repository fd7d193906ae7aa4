import type { Clock } from "@ropewalk/runtime";
import type { ControllerClient } from "../controller/controller-client.ts";

/** By what is waited. */
export interface ImageWait {
  readonly clock: Clock;
  readonly controller: Pick<ControllerClient, "isStopped">;
}

const patienceMsMax = 3000;
const pollMs = 5;
/** Of the time that a client gives a change, so much may pass until this broker knows what came of it. */
const shareOfPatience = 0.5;

/**
 * Waits a while until this broker's own image shows a change that the controller has made, so that whoever asks
 * this broker next is told of it. Resolves in any case, at once where the broker stops: what was asked for is done.
 * `timeoutMs` is how long the client waits.
 */
export async function untilShown(
  { clock, controller }: ImageWait,
  timeoutMs: number | undefined,
  isShown: () => boolean,
): Promise<void> {
  const patienceMs = Math.min(
    patienceMsMax,
    (timeoutMs ?? Number.POSITIVE_INFINITY) * shareOfPatience,
  );
  const endMs = clock.monotonicMs() + patienceMs;
  while (!isShown() && !controller.isStopped && clock.monotonicMs() < endMs) {
    await new Promise<void>((resolve) => void clock.setTimer(pollMs, resolve));
  }
}
