import { describe, expect, test } from "vitest";
import { sampleBroker } from "../../fakes/sample-broker.ts";
import { type BrokerImage } from "./broker-life.ts";
import { fencingChanges, type FencingInput } from "./broker-fencing.ts";

const broker = (brokerId: number, fenced: boolean): BrokerImage =>
  sampleBroker(brokerId, { fenced });

const heard = (heardMs: number, appliedIndex = 100, directoryId = "dir-1") =>
  new Map([[1, { directoryId, heardMs, appliedIndex }]]);

/** Of broker 1: what becomes of `fenced`; `undefined` where it stays. */
function changeOf(fenced: boolean, changes: Partial<FencingInput>): boolean | undefined {
  const [change] = fencingChanges({
    brokers: [broker(1, fenced)],
    sessions: new Map(),
    sinceMs: 0,
    nowMs: 20_000,
    sessionTimeoutMs: 9000,
    indexMin: 50,
    ...changes,
  });
  return change?.fenced;
}

describe("fencingChanges()", () => {
  test("fences a broker once it was silent for the session's length, and not before", () => {
    expect(changeOf(false, { sessions: heard(11_001) })).toBeUndefined();
    expect(changeOf(false, { sessions: heard(11_000) })).toBe(true);
  });

  test("gives every broker a whole session to be heard by a new controller", () => {
    expect(changeOf(false, { sinceMs: 11_001 })).toBeUndefined();
    expect(changeOf(false, { sinceMs: 11_000 })).toBe(true);
  });

  test("unfences a broker that is heard again and knows what the cluster knows", () => {
    expect(changeOf(true, { sessions: heard(19_000) })).toBe(false);
    expect(changeOf(true, { sessions: heard(19_000, 49) })).toBeUndefined();
    expect(changeOf(true, { sessions: heard(10_000) })).toBeUndefined();
  });

  test("does not take the word of another incarnation for the broker's", () => {
    expect(changeOf(true, { sessions: heard(19_000, 100, "other") })).toBeUndefined();
    expect(changeOf(false, { sessions: heard(19_000, 100, "other") })).toBe(true);
  });
});
