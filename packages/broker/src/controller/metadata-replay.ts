import type { Clock, Logger } from "@ropewalk/runtime";

/** A start that goes through the metadata's log. */
export interface MetadataReplay {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is known to be committed. */
  readonly commit: number;
  readonly appliedIndex: () => number;
  /** Why it cannot be gone through to the end, for people; `undefined` as long as nothing speaks against it. */
  readonly fault: () => string | undefined;
}

const pollMs = 5;
/** Whoever waits longer is told that it still goes on. */
const tellMs = 3000;

/**
 * Waits until the metadata's log was applied as far as it is known to be committed, before anything acts on the
 * metadata: what came and went in between must not be made again, least of all replicas whose votes are forgotten by
 * now. However long it takes: all of it is on the own disk. Only where that cannot be read to the end (what is
 * damaged is repaired while the broker runs) it resolves without, and says so.
 */
export async function metadataReplayed(replay: MetadataReplay): Promise<void> {
  const { appliedIndex, clock, commit, fault, logger } = replay;
  let tellAtMs = clock.monotonicMs() + tellMs;
  while (appliedIndex() < commit) {
    const why = fault();
    if (why !== undefined) {
      logger.warn("replicas start with older metadata", {
        because: why,
        appliedIndex: appliedIndex(),
        commit,
      });
      return;
    }
    if (clock.monotonicMs() >= tellAtMs) {
      tellAtMs += tellMs;
      logger.info("replicas wait for the metadata", { appliedIndex: appliedIndex(), commit });
    }
    await new Promise<void>((resolve) => void clock.setTimer(pollMs, resolve));
  }
}
