/**
 * Which brokers have been silent for long. It counts from when it was first asked while they were: a new controller rather
 * waits too long than acts on what is about to come back.
 */
export class SilentFor {
  readonly #delayMs: () => number;
  readonly #silentIds: () => Iterable<number>;
  readonly #sinceMs = new Map<number, number>();

  /** `delayMs` may change; 0: never. */
  constructor(delayMs: () => number, silentIds: () => Iterable<number>) {
    this.#delayMs = delayMs;
    this.#silentIds = silentIds;
  }

  /** Who has been silent for the delay, as of now. */
  update(nowMs: number): ReadonlySet<number> {
    const silent = new Set(this.#silentIds());
    for (const id of this.#sinceMs.keys()) if (!silent.has(id)) this.#sinceMs.delete(id);
    for (const id of silent) if (!this.#sinceMs.has(id)) this.#sinceMs.set(id, nowMs);
    const delayMs = this.#delayMs();
    if (delayMs === 0) return new Set();
    const long = [...this.#sinceMs].filter(([, sinceMs]) => nowMs - sinceMs >= delayMs);
    return new Set(long.map(([id]) => id));
  }

  /** Counts anew. */
  clear(): void {
    this.#sinceMs.clear();
  }
}
