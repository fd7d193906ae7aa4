import { expect, test } from "vitest";
import { RaftInvariantError } from "../assert.ts";
import { ElectionAdmission } from "./election-admission.ts";

/** The candidates admitted in each of `ticks` ticks. */
function admitted(
  admission: ElectionAdmission<string>,
  countMax: number,
  ticks: number,
  wants: (candidate: string) => boolean = () => true,
): readonly (readonly string[])[] {
  return Array.from({ length: ticks }, () => {
    const started: string[] = [];
    admission.tick(countMax, (candidate) => {
      if (!wants(candidate)) return false;
      started.push(candidate);
      return true;
    });
    return started;
  });
}

test("ElectionAdmission.tick() lets no more than its bound begin, in the order of asking", () => {
  const admission = new ElectionAdmission<string>(3);
  for (const name of ["a", "b", "c", "d", "e"]) admission.request(name, 0);
  expect(admitted(admission, 2, 4)).toEqual([["a", "b"], ["c", "d"], ["e"], []]);
});

test("ElectionAdmission.request() holds a candidate back for its delay", () => {
  const admission = new ElectionAdmission<string>(3);
  admission.request("late", 3);
  admission.request("soon", 1);
  expect(admitted(admission, 9, 5)).toEqual([[], ["soon"], [], ["late"], []]);
  admission.request("again", 2);
  expect(admitted(admission, 9, 3)).toEqual([[], [], ["again"]]);
});

test("ElectionAdmission.tick() does not count a candidate that needs no election any more", () => {
  const admission = new ElectionAdmission<string>(0);
  for (const name of ["led", "led", "open"]) admission.request(name, 0);
  expect(admitted(admission, 1, 1, (name) => name === "open")).toEqual([["open"]]);
});

test("ElectionAdmission.request() refuses a delay beyond its bound", () => {
  const admission = new ElectionAdmission<string>(2);
  expect(() => admission.request("a", 3)).toThrow(RaftInvariantError);
});
