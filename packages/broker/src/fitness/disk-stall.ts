/** Bounds of {@link DiskStall}. */
export interface DiskStallLimits {
  /** A write that the disk does not finish for so long stands still. */
  readonly stallMs: number;
  /** The disk counts as sound again when no write has lasted a third of that for so long. */
  readonly soundMs: number;
}

/** One look at the disk. */
export interface DiskLook {
  /** The process was awake for so much of the time since the look before. */
  readonly elapsedMs: number;
  /** When the write began that is under way; see `LogStore.writingSinceMs`. */
  readonly writingSinceMs: number | undefined;
}

/**
 * Tells a disk that stands still from one that is slow, or from a process that was. Time is counted while somebody
 * looks: after the process was stopped, or its loop blocked, a write that is long over has not been noticed yet.
 */
export class DiskStall {
  readonly #limits: DiskStallLimits;
  #writingSinceMs: number | undefined;
  #lastedMs = 0;
  #soundMs: number;
  #isStalled = false;

  constructor(limits: DiskStallLimits) {
    this.#limits = limits;
    this.#soundMs = limits.soundMs;
  }

  /** Whether the disk stands still, or did so a moment ago. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** How long the write that is under way was seen to last. */
  get lastedMs(): number {
    return this.#lastedMs;
  }

  /** Takes one look; answers whether the disk is stalled. */
  look({ elapsedMs, writingSinceMs }: DiskLook): boolean {
    const isSameWrite = writingSinceMs !== undefined && writingSinceMs === this.#writingSinceMs;
    this.#lastedMs = isSameWrite ? this.#lastedMs + elapsedMs : 0;
    this.#writingSinceMs = writingSinceMs;
    const { soundMs, stallMs } = this.#limits;
    const isSlow = this.#lastedMs >= stallMs / 3;
    this.#soundMs = isSlow ? 0 : this.#soundMs + elapsedMs;
    if (this.#lastedMs >= stallMs) this.#isStalled = true;
    else if (this.#soundMs >= soundMs) this.#isStalled = false;
    return this.#isStalled;
  }
}
