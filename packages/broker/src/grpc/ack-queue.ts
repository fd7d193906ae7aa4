import type { ProduceAckInit } from "@ropewalk/protocol";

interface Slot {
  ack: ProduceAckInit | undefined;
}

/** Puts the acks of one partition into the order of its batches, whatever order they become known in. */
export class AckQueue {
  readonly #slots: Slot[] = [];

  /** Nobody waits for an ack. */
  get isEmpty(): boolean {
    return this.#slots.length === 0;
  }

  /** A batch came; answers how to give its ack. `ready` then gets every ack whose turn it is. */
  enter(ready: (ack: ProduceAckInit) => void): (ack: ProduceAckInit) => void {
    const slot: Slot = { ack: undefined };
    this.#slots.push(slot);
    return (ack) => {
      slot.ack = ack;
      for (let first = this.#slots[0]; first?.ack !== undefined; first = this.#slots[0]) {
        this.#slots.shift();
        ready(first.ack);
      }
    };
  }
}
