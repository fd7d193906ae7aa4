/** A line, taken apart: the key before the first separator, the value after it. */
export interface KeyedLine {
  readonly key: Uint8Array | undefined;
  readonly value: Uint8Array;
}

/**
 * Cuts a line at the first separator. A line without one is a value without key. Both parts are views
 * of the line.
 */
export function splitKey(line: Uint8Array, separator: Uint8Array): KeyedLine {
  const view = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  const position = view.indexOf(separator);
  if (position === -1) return { key: undefined, value: line };
  return { key: line.subarray(0, position), value: line.subarray(position + separator.length) };
}
