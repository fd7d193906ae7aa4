/** A map that forgets what was used longest ago, as soon as it holds more than it should. */
export class RecentMap<V> {
  readonly #bytesMax: number;
  readonly #bytesOf: (value: V) => number;
  readonly #dropped: (value: V) => void;
  readonly #values = new Map<string, V>();
  #bytes = 0;

  /** `dropped` hears of every value that leaves. The newest one stays, however large it is. */
  constructor(bytesMax: number, bytesOf: (value: V) => number, dropped: (value: V) => void) {
    this.#bytesMax = bytesMax;
    this.#bytesOf = bytesOf;
    this.#dropped = dropped;
  }

  /** The value, which counts as used now. */
  get(name: string): V | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    this.#values.delete(name);
    this.#values.set(name, value);
    return value;
  }

  /** Whether a value is there; it does not count as used. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Adds or replaces a value. */
  set(name: string, value: V): void {
    this.delete(name);
    this.#values.set(name, value);
    this.#bytes += this.#bytesOf(value);
    for (const [oldest] of this.#values) {
      if (this.#bytes <= this.#bytesMax || oldest === name) break;
      this.delete(oldest);
    }
  }

  /** Drops a value where it is there. */
  delete(name: string): void {
    const value = this.#values.get(name);
    if (value === undefined) return;
    this.#values.delete(name);
    this.#bytes -= this.#bytesOf(value);
    this.#dropped(value);
  }

  /** The names of all values, those used longest ago first. */
  names(): string[] {
    return [...this.#values.keys()];
  }
}
