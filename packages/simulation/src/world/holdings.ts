/** What a process takes from the system and must give back. */
export type HoldingKind = "timer" | "file" | "connection" | "port" | "call";

/** What one process has taken and not given back: nothing, once it was stopped cleanly. */
export class Holdings {
  readonly #held = new Set<{ readonly kind: HoldingKind; readonly name: string }>();

  /** Answers how to give it back; giving back again does nothing. */
  take(kind: HoldingKind, name: string): () => void {
    const held = { kind, name };
    this.#held.add(held);
    return () => void this.#held.delete(held);
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
