/**
 * Counts bytes that are held, for all holders together. Node's heap limit does not bound buffers, so
 * what comes in is counted, and who brings more than there is room for has to wait.
 */
export class ByteBudget {
  readonly bytesMax: number;
  #bytesHeld = 0;
  #waiting: (() => void)[] = [];

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytesHeld(): number {
    return this.#bytesHeld;
  }

  /** Whether there is no room left. A holder looks before it takes, so each may go beyond by one message: nothing is too large for ever. */
  get isFull(): boolean {
    return this.#bytesHeld >= this.bytesMax;
  }

  take(bytes: number): void {
    this.#bytesHeld += bytes;
  }

  release(bytes: number): void {
    this.#bytesHeld -= bytes;
    if (this.isFull || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  /** Runs `resume` once there is room. */
  whenRoom(resume: () => void): void {
    this.#waiting.push(resume);
  }
}
