/** Lets a few do at a time what would be too much if all did it. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(countMax: number) {
    this.#free = countMax;
  }

  /** Takes a turn if one is free. Every turn taken is given back. */
  tryTake(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  /** Takes a turn when it is one's own, in the order of the calls. */
  take(): Promise<void> {
    if (this.tryTake()) return Promise.resolve();
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  /** Does `work` when it is its turn, and gives that back, whatever comes of it. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.take();
    try {
      return await work();
    } finally {
      this.giveBack();
    }
  }

  giveBack(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
