import { describe, expect, test } from "vitest";
import type { ConfChange } from "./conf-change.ts";
import { decodeConfChange, encodeConfChange, LEAVE_JOINT } from "./conf-change.ts";
import type { Entry } from "./entry.ts";
import { NO_DATA } from "./entry.ts";

function entry(data: Uint8Array, type: Entry["type"] = "confChangeV2"): Entry {
  return { index: 7, term: 1, type, data };
}

describe("encodeConfChange() and decodeConfChange()", () => {
  const changes: readonly ConfChange[] = [
    LEAVE_JOINT,
    { transition: "auto", changes: [], context: new Uint8Array([1]) },
    {
      transition: "jointImplicit",
      changes: [{ type: "addVoter", nodeId: 1 }],
      context: NO_DATA,
    },
    {
      transition: "jointExplicit",
      changes: [
        { type: "addLearner", nodeId: Number.MAX_SAFE_INTEGER },
        { type: "remove", nodeId: 2 ** 32 },
        { type: "update", nodeId: 0 },
      ],
      context: new Uint8Array([9, 8, 7]),
    },
  ];
  for (const change of changes) {
    test(`keep ${JSON.stringify(change.changes)} ${change.transition}`, () => {
      const encoded = encodeConfChange(change);
      const decoded = decodeConfChange(entry(encoded));
      expect({ ...decoded, context: [...decoded.context] }).toEqual({
        ...change,
        context: [...change.context],
      });
    });
  }

  test("write the bytes drawn above the codec", () => {
    const change: ConfChange = {
      transition: "jointExplicit",
      changes: [{ type: "remove", nodeId: 258 }],
      context: new Uint8Array([5]),
    };
    expect([...encodeConfChange(change)]).toEqual([2, 0, 1, 2, 0, 0, 0, 0, 0, 0, 1, 2, 5]);
    expect(encodeConfChange(LEAVE_JOINT)).toBe(NO_DATA);
  });

  test("refuse damaged bytes and other entries", () => {
    expect(() => decodeConfChange(entry(NO_DATA, "normal"))).toThrow("carries no membership");
    expect(() => decodeConfChange(entry(new Uint8Array([0])))).toThrow("cut short");
    expect(() => decodeConfChange(entry(new Uint8Array([0, 0, 1, 0])))).toThrow("cut short");
    expect(() => decodeConfChange(entry(new Uint8Array([9, 0, 0])))).toThrow("known transition");
    const unknownStep = new Uint8Array([0, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(() => decodeConfChange(entry(unknownStep))).toThrow("unknown step");
  });

  test("refuse node ids that are no safe integers", () => {
    const change: ConfChange = {
      transition: "auto",
      changes: [{ type: "remove", nodeId: -1 }],
      context: NO_DATA,
    };
    expect(() => encodeConfChange(change)).toThrow("safe integer");
  });
});
