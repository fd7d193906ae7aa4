interface Waiter {
  readonly serial: number;
  readonly open: () => void;
}

/** Knows which numbered things are under way, and tells when everything up to a number is over. */
export class SettledGate {
  // In insertion order, which is that of the numbers: the first one is the oldest.
  readonly #underWay = new Set<number>();
  #waiters: Waiter[] = [];
  #lastSerial = 0;

  /** Numbers a new thing, larger than all before. */
  enter(): number {
    this.#lastSerial++;
    this.#underWay.add(this.#lastSerial);
    return this.#lastSerial;
  }

  /** The thing is over. */
  leave(serial: number): void {
    this.#underWay.delete(serial);
    if (this.#waiters.length === 0) return;
    const oldest = this.#oldest();
    const open = this.#waiters.filter((waiter) => waiter.serial < oldest);
    this.#waiters = this.#waiters.filter((waiter) => waiter.serial >= oldest);
    for (const waiter of open) waiter.open();
  }

  /** Resolves when everything that is under way now is over. */
  settled(): Promise<void> {
    const serial = this.#lastSerial;
    if (this.#oldest() > serial) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ serial, open: resolve }));
  }

  #oldest(): number {
    for (const serial of this.#underWay) return serial;
    return Number.POSITIVE_INFINITY;
  }
}
