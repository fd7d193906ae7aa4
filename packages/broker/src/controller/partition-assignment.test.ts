import { describe, expect, test } from "vitest";
import {
  addingIdsOf,
  cancelled,
  completed,
  firstAssignment,
  holdersOf,
  joinedAt,
  type PartitionAssignment,
  reassigned,
  removingIdsOf,
  started,
  wantedOf,
} from "./partition-assignment.ts";

/** From [1, 2, 3] to [4, 2, 3], begun by entry 11. */
function moving(): PartitionAssignment {
  return started(reassigned(firstAssignment([1, 2, 3]), [4, 2, 3], 10), 11);
}

describe("a partition's assignment", () => {
  test("reassigned() waits for its turn, and nobody holds more until then", () => {
    const waiting = reassigned(firstAssignment([1, 2, 3]), [4, 2, 3], 10);
    expect(waiting.move?.state).toBe("waiting");
    expect(holdersOf(waiting)).toEqual([1, 2, 3]);
    expect(wantedOf(waiting)).toEqual([1, 2, 3]);
    expect(waiting.assignmentId).toBe(0);
  });

  test("started() lets the new broker hold a replica of its own incarnation", () => {
    const assignment = moving();
    expect(holdersOf(assignment)).toEqual([1, 2, 3, 4]);
    expect(wantedOf(assignment)).toEqual([4, 2, 3]);
    expect(addingIdsOf(assignment)).toEqual([4]);
    expect(removingIdsOf(assignment)).toEqual([1]);
    expect([joinedAt(assignment, 4), joinedAt(assignment, 2)]).toEqual([11, 0]);
  });

  test("completed() lets the old one go, once, and only for the assignment in force", () => {
    expect(completed(moving(), 10)).toBeUndefined();
    const done = completed(moving(), 11);
    expect(done).toMatchObject({ replicaIds: [4, 2, 3], move: undefined });
    expect(done && holdersOf(done)).toEqual([4, 2, 3]);
    expect(done && completed(done, 11)).toBeUndefined();
  });

  test("a broker that left and comes again has another incarnation", () => {
    const gone = completed(moving(), 11) ?? moving();
    const back = started(reassigned(gone, [1, 2, 3], 20), 21);
    expect(joinedAt(back, 1)).toBe(21);
    const done = completed(back, 21);
    expect(done && joinedAt(done, 1)).toBe(21);
    expect(done && joinedAt(done, 4)).toBe(0);
  });

  test("cancelled() before the turn has come leaves everything as it was", () => {
    const waiting = reassigned(firstAssignment([1, 2, 3]), [4, 2, 3], 10);
    expect(cancelled(waiting, 11)).toEqual(firstAssignment([1, 2, 3]));
  });

  test("cancelled() half-way wants the old ones, and the new one stays until they are had", () => {
    const back = cancelled(moving(), 15);
    expect(wantedOf(back)).toEqual([1, 2, 3]);
    expect(holdersOf(back)).toEqual([1, 2, 3, 4]);
    expect(removingIdsOf(back)).toEqual([4]);
    expect(completed(back, 11)).toBeUndefined();
    const done = completed(back, 15);
    expect(done && holdersOf(done)).toEqual([1, 2, 3]);
  });

  test("reassigned() half-way changes the direction, and nobody's replica is forgotten", () => {
    const turned = reassigned(moving(), [5, 2, 3], 15);
    expect(holdersOf(turned).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
    expect([joinedAt(turned, 4), joinedAt(turned, 5)]).toEqual([11, 15]);
    const done = completed(turned, 15);
    expect(done && holdersOf(done)).toEqual([5, 2, 3]);
  });

  test("reassigned() to the same replicas in another order takes effect at once", () => {
    const turned = reassigned(firstAssignment([1, 2, 3]), [3, 1, 2], 10);
    expect(turned).toMatchObject({ replicaIds: [3, 1, 2], bornIds: [1, 2, 3], move: undefined });
  });
});
