import type { EventLoop } from "./event-loop.ts";

const linesMax = 4000;

/** What happened, for people, and as one number for comparing two runs of a seed. */
export class Trace {
  readonly #loop: EventLoop;
  readonly #lines: string[] = [];
  #hash = 0x811c9dc5;
  #count = 0;
  readonly #sink: ((line: string) => void) | undefined;

  constructor(loop: EventLoop, sink?: (line: string) => void) {
    this.#loop = loop;
    this.#sink = sink;
  }

  /** Two runs with the same hash did the same things at the same times. */
  get hash(): string {
    return `${(this.#hash >>> 0).toString(16).padStart(8, "0")}-${this.#count}`;
  }

  /** The last events that were worth a line. */
  lastLines(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }

  /** Something that happens often: only its numbers count. */
  mark(kind: number, value: number, other?: number): void {
    this.#mix(kind);
    this.#mix(this.#loop.nowMs * 1000);
    this.#mix(value);
    if (other !== undefined) this.#mix(other);
    this.#count++;
  }

  /** Something that people want to read. */
  tell(who: string, what: string): void {
    const line = `${(this.#loop.nowMs / 1000).toFixed(6).padStart(12)} ${who.padEnd(9)} ${what}`;
    for (let at = 0; at < line.length; at++) this.#mix(line.charCodeAt(at));
    this.#count++;
    this.#lines.push(line);
    if (this.#lines.length > 2 * linesMax) this.#lines.splice(0, linesMax);
    this.#sink?.(line);
  }

  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value | 0), 0x01000193);
    this.#hash ^= this.#hash >>> 15;
  }
}
