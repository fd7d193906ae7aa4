import type { EventLoop } from "./event-loop.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** How messages travel between two hosts. */
export interface LinkQuality {
  readonly latencyMsMin: number;
  readonly latencyMsMax: number;
  /** Now and then a message takes longer, as one that was lost and is sent again. */
  readonly lossProbability: number;
  readonly resendMs: number;
  readonly bytesPerMs: number;
}

/** The one-way links between all hosts: how good they are, and which are cut. */
export class SimulatedLinks {
  readonly #loop: EventLoop;
  readonly #random: SeededRandom;
  readonly #quality: LinkQuality;
  readonly #cut = new Set<string>();
  readonly #slowed = new Map<string, number>();
  #waiting: (() => void)[] = [];
  readonly #connections = new Map<string, Set<() => void>>();

  constructor(loop: EventLoop, random: SeededRandom, quality: LinkQuality) {
    this.#loop = loop;
    this.#random = random;
    this.#quality = quality;
  }

  isCut(from: string, to: string): boolean {
    return this.#cut.size > 0 && this.#cut.has(linkName(from, to));
  }

  /** From now on nothing arrives; what is on its way waits, as TCP would have it. */
  cut(from: string, to: string): void {
    this.#cut.add(linkName(from, to));
  }

  /** Adds to the latency of a link, until it is healed. */
  slow(from: string, to: string, addedMs: number): void {
    this.#slowed.set(linkName(from, to), addedMs);
  }

  heal(from: string, to: string): void {
    this.#cut.delete(linkName(from, to));
    this.#slowed.delete(linkName(from, to));
    this.#wake();
  }

  healAll(): void {
    this.#cut.clear();
    this.#slowed.clear();
    this.#wake();
  }

  /** Runs `listener` once, when some link was healed. */
  onHealed(listener: () => void): void {
    this.#waiting.push(listener);
  }

  /** Runs `listener` when the connections between two hosts are reset; answers how to take it back. */
  onReset(one: string, other: string, listener: () => void): () => void {
    const name = pairName(one, other);
    const listeners = this.#connections.get(name) ?? new Set();
    this.#connections.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** Ends every connection between two hosts, as a middlebox that forgot them does. */
  reset(one: string, other: string): void {
    const listeners = [...(this.#connections.get(pairName(one, other)) ?? [])];
    for (const listener of listeners) listener();
  }

  /** How long a message takes from one host to another. */
  latencyMs(from: string, to: string, bytes: number): number {
    const { bytesPerMs, latencyMsMax, latencyMsMin, lossProbability, resendMs } = this.#quality;
    const base = this.#random.between(latencyMsMin, latencyMsMax) + bytes / bytesPerMs;
    const isResent = lossProbability > 0 && this.#random.chance(lossProbability);
    return base + (isResent ? resendMs : 0) + this.#addedMs(from, to);
  }

  #addedMs(from: string, to: string): number {
    return this.#slowed.size === 0 ? 0 : (this.#slowed.get(linkName(from, to)) ?? 0);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const listener of waiting) this.#loop.schedule(0, listener);
  }
}

function pairName(one: string, other: string): string {
  return one < other ? linkName(one, other) : linkName(other, one);
}

function linkName(from: string, to: string): string {
  return `${from}>${to}`;
}
