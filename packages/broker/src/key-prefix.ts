/** The first key after all keys that begin with `prefix`, which must end in a slash. */
export function keyAfterPrefix(prefix: string): string {
  return `${prefix.slice(0, -1)}0`; // The character after the slash.
}
