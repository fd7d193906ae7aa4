import type { StartPositionInit } from "@ropewalk/protocol";

/** A place in a partition that its leader can resolve. */
export type OffsetPosition =
  | "earliest"
  | "latest"
  | { readonly offset: number }
  | { readonly timestampMs: number };

/**
 * Where reading starts, in every partition: at its first record, after its last one, at an offset, at the
 * first record of a time or later, or so many records before its end.
 */
export type StartFrom = OffsetPosition | { readonly last: number };

/** The message for a place. */
export function startPositionOf(position: OffsetPosition): StartPositionInit {
  if (position === "earliest") return { at: { case: "edge", value: "EARLIEST" } };
  if (position === "latest") return { at: { case: "edge", value: "LATEST" } };
  if ("offset" in position) return { at: { case: "offset", value: position.offset } };
  return { at: { case: "timestampMs", value: position.timestampMs } };
}
