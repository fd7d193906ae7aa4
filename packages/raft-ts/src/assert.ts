/**
 * A broken invariant: a caller broke the contract or the library has a defect. The state machine must
 * not be used afterwards, because continuing could break a safety property.
 */
export class RaftInvariantError extends Error {
  override readonly name = "RaftInvariantError";
}

/** Throws {@link RaftInvariantError} unless `condition` holds. `message` says what must be true. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new RaftInvariantError(message);
}
