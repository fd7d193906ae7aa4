/** Randomness, as an argument: a seeded stream in simulation, the machine's otherwise. */
export interface Random {
  /** A uniform integer in [0, bound). `bound` is an integer in [1, 2^32]. */
  integer(bound: number): number;
  /** A new version 4 UUID in its 36-character form. */
  uuid(): string;
}
