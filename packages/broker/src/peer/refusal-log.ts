import type { Logger, LogFields } from "@ropewalk/runtime";

/** Reasons that are remembered; with more, old ones are said again. */
const reasonCountMax = 256;

/** Says once why a broker was refused, however often it tries again. */
export class RefusalLog {
  readonly #logger: Logger;
  readonly #said = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Logs the refusal unless that was done before. */
  say(message: string, reason: string, fields: LogFields & { readonly peerId: number }): void {
    const key = `${message} ${fields.peerId} ${reason}`;
    if (this.#said.has(key)) return;
    if (this.#said.size >= reasonCountMax) this.#said.clear();
    this.#said.add(key);
    this.#logger.warn(message, { ...fields, reason });
  }

  /** The peer was accepted: a later refusal is news. */
  forget(peerId: number): void {
    for (const key of this.#said) if (key.includes(` ${peerId} `)) this.#said.delete(key);
  }
}
