/**
 * Leader: what one peer holds of one group's heartbeats, so that a light one can stand for it.
 *
 * A light heartbeat is only sent while the last full one is known to have arrived and the last
 * heartbeat, full or light, was answered. So whatever the peer forgot, and whatever was lost, the next
 * heartbeat is full again; no message is needed to ask for it.
 */
export class HeartbeatRecord {
  readonly peerId: number;
  /** Of the last full heartbeat. */
  #term = 0;
  #commit = 0;
  #hasArrived = false;
  #isAnswered = false;

  constructor(peerId: number) {
    this.peerId = peerId;
  }

  /** The term for which light responses of the peer stand; undefined when they stand for nothing. */
  get lightTerm(): number | undefined {
    return this.#hasArrived ? this.#term : undefined;
  }

  /** Notes a heartbeat about to leave; answers whether it may be light. */
  sending(term: number, commit: number, context: number): boolean {
    const isSame = term === this.#term && commit === this.#commit && context === 0;
    const isLight = isSame && this.#hasArrived && this.#isAnswered;
    this.#isAnswered = false;
    if (isLight) return true;
    if (term !== this.#term || commit !== this.#commit) this.#hasArrived = false;
    this.#term = term;
    this.#commit = commit;
    return false;
  }

  /** Notes a full response: it says what the peer holds. */
  answered(term: number, commit: number): void {
    this.#isAnswered = true;
    this.#hasArrived = term === this.#term && commit === this.#commit;
  }

  /** Notes a light response. */
  answeredLight(): void {
    this.#isAnswered = true;
  }
}
