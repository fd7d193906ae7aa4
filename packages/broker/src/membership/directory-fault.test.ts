import { expect, test } from "vitest";
import { sampleBroker } from "../../fakes/sample-broker.ts";
import { directoryFault } from "./directory-fault.ts";

const broker = sampleBroker(1, { directoryId: "first" });
const known = { image: { brokers: new Map([[1, broker]]) }, appliedIndex: 10 };

test("directoryFault() is about directories that took another one's place, unless they were taken in later than is known", () => {
  const hello = { brokerId: 1, clusterId: "c" };
  expect(directoryFault(known, { ...hello, directoryId: "first" })).toBeUndefined();
  expect(directoryFault(known, { ...hello, brokerId: 2, directoryId: "other" })).toBeUndefined();
  for (const enteredIndex of [undefined, 0, 10]) {
    expect(directoryFault(known, { ...hello, directoryId: "second", enteredIndex })).toBe(
      "broker 1 has data directory first in this cluster, not second",
    );
  }
  const newer = { ...hello, directoryId: "second", enteredIndex: 11 };
  expect(directoryFault(known, newer)).toBeUndefined();
});
