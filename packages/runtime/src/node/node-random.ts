import assert from "node:assert/strict";
import { randomInt, randomUUID } from "node:crypto";
import type { Random } from "../random.ts";

const BOUND_MAX = 2 ** 32;

/** The machine's cryptographic randomness. */
export class NodeRandom implements Random {
  integer(bound: number): number {
    assert(
      Number.isInteger(bound) && bound >= 1 && bound <= BOUND_MAX,
      `The bound of a random integer must be in [1, 2^32], not ${bound}`,
    );
    return randomInt(bound);
  }

  uuid(): string {
    return randomUUID();
  }
}
