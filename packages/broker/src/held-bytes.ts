/** Bytes that a broker holds for one purpose, lent to it until something has happened. */
export interface HeldBytes {
  /** For what, as "record batches of producers". */
  readonly purpose: string;
  readonly bytes: number;
  /** Beyond it nothing more is taken; who finds room takes a whole message. */
  readonly bytesMax: number;
}
