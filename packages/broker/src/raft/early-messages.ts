import type { Message } from "raft-ts";
import type { GroupRoute } from "raft-ts/multi";

/** Messages held at a time, over all groups; those that come on top are dropped, as Raft tolerates. */
export const earlyMessagesMax = 4096;

interface EarlyMessage {
  readonly from: number;
  readonly group: GroupRoute;
  readonly message: Message;
}

/**
 * Messages for groups that are not on this broker yet. A new topic's first replica may ask for votes
 * before the others have heard of the topic; held for a moment, its question need not be asked again.
 */
export class EarlyMessages {
  #current = new Map<number, EarlyMessage[]>();
  #previous = new Map<number, EarlyMessage[]>();
  #count = 0;

  hold(group: GroupRoute, from: number, message: Message): void {
    const { groupId } = group;
    // What carries entries or a snapshot is not worth its memory: the leader sends it again.
    const isLarge = message.entries.length > 0 || message.snapshot !== undefined;
    if (this.#count >= earlyMessagesMax || isLarge) return;
    this.#count += 1;
    const held = this.#current.get(groupId);
    if (held === undefined) this.#current.set(groupId, [{ from, group, message }]);
    else held.push({ from, group, message });
  }

  /** What was held for a group, in the order it came. */
  take(groupId: number): readonly EarlyMessage[] {
    const held = [...(this.#previous.get(groupId) ?? []), ...(this.#current.get(groupId) ?? [])];
    this.#previous.delete(groupId);
    this.#current.delete(groupId);
    this.#count -= held.length;
    return held;
  }

  /** Drops what was held through two calls: by then its sender has asked again. */
  age(): void {
    for (const held of this.#previous.values()) this.#count -= held.length;
    this.#previous = this.#current;
    this.#current = new Map();
  }
}
