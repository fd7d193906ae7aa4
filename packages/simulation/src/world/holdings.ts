/** What a process takes from the system and must give back. */
export type HoldingKind = "timer" | "file" | "connection" | "port" | "call";

/** One thing that a process has taken. */
export interface Holding {
  readonly kind: HoldingKind;
  /** Which one it is, for people. */
  readonly name: string;
}

/** What one process has taken and not given back: nothing, once it was stopped cleanly. */
export class Holdings {
  readonly #held = new Set<Holding>();

  add(holding: Holding): void {
    this.#held.add(holding);
  }

  /** It was given back. */
  delete(holding: Holding): void {
    this.#held.delete(holding);
  }

  /** Answers how to give it back; giving back again does nothing. */
  take(kind: HoldingKind, name: string): () => void {
    const holding = { kind, name };
    this.add(holding);
    return () => this.delete(holding);
  }

  /** How much of each kind is held, and one of its names. */
  describe(): string | undefined {
    const kinds = Map.groupBy(this.#held, ({ kind }) => kind);
    const parts = [...kinds].map(([kind, [first, ...others]]) => {
      return `${others.length + 1} of kind ${kind} (${first?.name})`;
    });
    return parts.length === 0 ? undefined : parts.toSorted().join(", ");
  }
}
