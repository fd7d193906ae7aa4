import type { ConfChange, ConfChangeStep, ConfChangeTransition } from "../src/conf-change.ts";
import { NO_DATA } from "../src/entry.ts";
import { createMessage } from "../src/message.ts";
import type { Message, MessageDraft, MessageType } from "../src/message.ts";

/** A message from node 2 to node 1, unless `fields` say otherwise. */
export function message(type: MessageType, fields: Partial<MessageDraft>): Message {
  return { ...createMessage(type, 1), from: 2, ...fields };
}

/** A change of the membership without a context. */
export function change(
  changes: readonly ConfChangeStep[],
  transition: ConfChangeTransition = "auto",
): ConfChange {
  return { transition, changes, context: NO_DATA };
}

/** A node becomes a voter. */
export function add(nodeId: number): ConfChangeStep {
  return { type: "addVoter", nodeId };
}

/** A node leaves. */
export function remove(nodeId: number): ConfChangeStep {
  return { type: "remove", nodeId };
}
