import { assert } from "./assert.ts";
import type { Entry } from "./entry.ts";
import { NO_DATA } from "./entry.ts";

/** One step of a membership change. `update` changes nothing here; it lets a node's data travel. */
export interface ConfChangeStep {
  readonly type: ConfChangeStepType;
  /** Whom it concerns; 0 makes it a step that does nothing. */
  readonly nodeId: number;
}

/** What happens to the node of a step. */
export type ConfChangeStepType = "addVoter" | "addLearner" | "remove" | "update";

/**
 * How several steps take effect. `auto` picks the simple protocol for one step and joint consensus
 * that is left by itself for more; `jointImplicit` always goes through a joint configuration and
 * leaves it by itself; `jointExplicit` stays joint until an empty change is proposed.
 */
export type ConfChangeTransition = "auto" | "jointImplicit" | "jointExplicit";

/** A membership change. With no steps and transition `auto` it leaves the joint configuration. */
export interface ConfChange {
  readonly transition: ConfChangeTransition;
  readonly changes: readonly ConfChangeStep[];
  /** The application's own data, held by reference. */
  readonly context: Uint8Array;
}

/** The change that leaves a joint configuration. */
export const LEAVE_JOINT: ConfChange = { transition: "auto", changes: [], context: NO_DATA };

/** Whether `change` leaves a joint configuration. */
export function leavesJoint(change: ConfChange): boolean {
  return change.transition === "auto" && change.changes.length === 0;
}

/** Whether `change` enters a joint configuration, and if so whether that is left by itself. */
export function entersJoint(change: ConfChange): { readonly autoLeave: boolean } | undefined {
  if (change.transition === "auto" && change.changes.length <= 1) return undefined;
  return { autoLeave: change.transition !== "jointExplicit" };
}

const STEP_TYPES: readonly ConfChangeStepType[] = ["addVoter", "addLearner", "remove", "update"];
const TRANSITIONS: readonly ConfChangeTransition[] = ["auto", "jointImplicit", "jointExplicit"];
const HEADER_BYTES = 3;
const STEP_BYTES = 9;
const HIGH_WORD = 2 ** 32;

/*
 * A membership change as the data of an entry. All numbers are big-endian; the empty input is LEAVE_JOINT.
 *
 *   | transition u8 | stepCount u16 | stepCount × ( stepType u8 | nodeId u64 ) | context … |
 */

/** The bytes of `change` for an entry of type `confChange` or `confChangeV2`. */
export function encodeConfChange(change: ConfChange): Uint8Array {
  if (leavesJoint(change) && change.context.byteLength === 0) return NO_DATA;
  assert(change.changes.length <= 0xffff, "a membership change has at most 65535 steps");
  const contextPosition = HEADER_BYTES + change.changes.length * STEP_BYTES;
  const bytes = new Uint8Array(contextPosition + change.context.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, TRANSITIONS.indexOf(change.transition));
  view.setUint16(1, change.changes.length);
  let position = HEADER_BYTES;
  for (const step of change.changes) {
    assert(
      Number.isSafeInteger(step.nodeId) && step.nodeId >= 0,
      "a node id is a safe integer ≥ 0",
    );
    view.setUint8(position, STEP_TYPES.indexOf(step.type));
    view.setUint32(position + 1, Math.floor(step.nodeId / HIGH_WORD));
    view.setUint32(position + 5, step.nodeId % HIGH_WORD);
    position += STEP_BYTES;
  }
  bytes.set(change.context, contextPosition);
  return bytes;
}

/**
 * The membership change that `entry` carries. `context` shares the entry's memory.
 * Throws when the bytes are not those of {@link encodeConfChange}: the log is damaged.
 */
export function decodeConfChange(entry: Entry): ConfChange {
  assert(entry.type !== "normal", `entry ${entry.index} carries no membership change`);
  const bytes = entry.data;
  if (bytes.byteLength === 0) return LEAVE_JOINT;
  assert(bytes.byteLength >= HEADER_BYTES, `the membership change at ${entry.index} is cut short`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const transition = TRANSITIONS[view.getUint8(0)];
  assert(
    transition !== undefined,
    `the membership change at ${entry.index} has no known transition`,
  );
  const stepCount = view.getUint16(1);
  const contextPosition = HEADER_BYTES + stepCount * STEP_BYTES;
  assert(
    bytes.byteLength >= contextPosition,
    `the membership change at ${entry.index} is cut short`,
  );
  const changes: ConfChangeStep[] = [];
  for (let position = HEADER_BYTES; position < contextPosition; position += STEP_BYTES) {
    const type = STEP_TYPES[view.getUint8(position)];
    assert(type !== undefined, `the membership change at ${entry.index} has an unknown step`);
    const nodeId = view.getUint32(position + 1) * HIGH_WORD + view.getUint32(position + 5);
    changes.push({ type, nodeId });
  }
  return { transition, changes, context: bytes.subarray(contextPosition) };
}
