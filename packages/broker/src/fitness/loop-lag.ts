/** Bounds of {@link LoopLag}. */
export interface LoopLagLimits {
  /** A turn of the event loop that comes so late counts as blocked. */
  readonly blockMs: number;
  /** Blocks count for so long. */
  readonly windowMs: number;
}

interface Block {
  readonly endMs: number;
  readonly lastedMs: number;
}

/**
 * Tells an event loop that is blocked again and again from one that was blocked once. A single block, however long,
 * is over when it is noticed: where it was long, the others have elected meanwhile; where it was short, an election
 * would be the greater evil. A loop that is blocked for half of the time answers nobody in time, and may still send
 * just enough heartbeats to keep its leadership.
 */
export class LoopLag {
  readonly #limits: LoopLagLimits;
  #blocks: Block[] = [];
  #isBlocked = false;
  #beganMs: number | undefined;

  constructor(limits: LoopLagLimits) {
    this.#limits = limits;
  }

  /** Whether the loop is blocked for half of the time, and was not yet free for three quarters of it again. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** Milliseconds of the window for which the loop was blocked. */
  get blockedMs(): number {
    return this.#blocks.reduce((sum, { lastedMs }) => sum + lastedMs, 0);
  }

  /** A turn came `lateMs` later than it was asked for; answers whether the loop is blocked. */
  turn(nowMs: number, lateMs: number): boolean {
    const { blockMs, windowMs } = this.#limits;
    // What happens while a process starts says little about it.
    this.#beganMs ??= nowMs;
    if (nowMs - this.#beganMs < windowMs) return false;
    this.#blocks = this.#blocks.filter(({ endMs }) => nowMs - endMs < windowMs);
    if (lateMs >= blockMs) this.#blocks.push({ endMs: nowMs, lastedMs: lateMs });
    const { blockedMs } = this;
    if (this.#blocks.length > 1 && blockedMs >= windowMs / 2) this.#isBlocked = true;
    else if (blockedMs < windowMs / 4) this.#isBlocked = false;
    return this.#isBlocked;
  }
}
