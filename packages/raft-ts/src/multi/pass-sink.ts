import type { Ready } from "../ready.ts";
import type { GroupHandle } from "./group-handle.ts";
import type { PeerBatch } from "./peer-batch.ts";

/** Receives what a pass brings to light. */
export interface PassSink<Owner> {
  /**
   * What a group wants done: everything {@link Ready} says of asynchronous writes holds. Heartbeats and
   * their responses are not among its messages. The group may be called back at once.
   */
  ready(group: GroupHandle<Owner>, ready: Ready): void;
  /** To be sent to `batch.to`; it may be lost. */
  batch(batch: PeerBatch): void;
}

/** Whether nothing is to be done. Writes show as messages. */
export function isEmpty(ready: Ready): boolean {
  return (
    ready.messages.length === 0 &&
    ready.softState === undefined &&
    ready.readStates.length === 0 &&
    ready.committedEntries.length === 0
  );
}
