/**
 * Groups that wait for a visit, first come, first served, each once. It knows whether those of a round, who waited when it
 * began, have all had their turn: by that a node tells whether it keeps up with its work.
 */
export class VisitLine<Group> {
  /** In the order of coming. */
  readonly #waiting = new Set<Group>();
  /** So many of the first are of the round. */
  #roundLeft = 0;
  /** Somebody was taken in the round, and somebody left waiting. */
  #wasCut = false;

  get size(): number {
    return this.#waiting.size;
  }

  has(group: Group): boolean {
    return this.#waiting.has(group);
  }

  /** Lets a group wait, at the end unless it does so already. */
  add(group: Group): void {
    this.#waiting.add(group);
  }

  delete(group: Group): void {
    this.#waiting.delete(group);
  }

  /** Takes at most `countMax`, who has waited longest first. */
  take(countMax: number): readonly Group[] {
    const taken: Group[] = [];
    for (const group of this.#waiting) {
      if (taken.length >= countMax) break;
      taken.push(group);
    }
    for (const group of taken) this.#waiting.delete(group);
    this.#roundLeft -= taken.length;
    this.#wasCut = this.#waiting.size > 0;
    return taken;
  }

  /** All that wait now are of the new round. */
  beginRound(): void {
    this.#roundLeft = this.#waiting.size;
    this.#wasCut = false;
  }

  /**
   * Whether some of the round were left waiting when others had their turn, and wait still; who left without a turn counts
   * as waiting while anybody does.
   */
  get isBehind(): boolean {
    return this.#wasCut && this.#roundLeft > 0 && this.#waiting.size > 0;
  }
}
