import type { Clock, Timer } from "@ropewalk/runtime";
import type { Message } from "raft-ts";
import { controllerGroupId } from "../controller/metadata-image.ts";
import type { RaftGroup } from "./raft-group.ts";

type Notice = { readonly group: RaftGroup; readonly message: Message };

/**
 * Keeps back for a moment what only tells a follower how far its group is committed: usually the next append tells
 * it, too. Sent at once it would double the messages of a group whose records come one at a time, for each is
 * answered. To the group it is a message that took a little longer, and to who reads from a follower a record is.
 *
 * The metadata is an exception: whoever changes it waits for what all brokers know of it.
 */
export class CommitNotices {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #release: (notices: Iterable<Notice>) => void;
  /** The latest of each group, by the broker it is for. */
  readonly #held = new Map<number, Map<RaftGroup, Notice>>();
  #timer: Timer | undefined;

  constructor(clock: Clock, delayMs: number, release: (notices: Iterable<Notice>) => void) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#release = release;
  }

  /** Whether the message stays here for now. One that says more than what was kept back replaces it. */
  holds(group: RaftGroup, message: Message): boolean {
    if (message.type !== "MsgApp" || group.key.groupId === controllerGroupId) return false;
    if (message.entries.length > 0) {
      this.#held.get(message.to)?.delete(group);
      return false;
    }
    this.#heldFor(message.to).set(group, { group, message });
    this.#timer ??= this.#clock.setTimer(this.#delayMs, () => this.#releaseAll());
    return true;
  }

  /** Sends nothing any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#held.clear();
  }

  #heldFor(brokerId: number): Map<RaftGroup, Notice> {
    const known = this.#held.get(brokerId);
    if (known !== undefined) return known;
    const held = new Map<RaftGroup, Notice>();
    this.#held.set(brokerId, held);
    return held;
  }

  #releaseAll(): void {
    this.#timer = undefined;
    const notices = [...this.#held.values()].flatMap((held) => [...held.values()]);
    this.#held.clear();
    if (notices.length > 0) this.#release(notices);
  }
}
