import { expect, test } from "vitest";
import type { Config } from "./config.ts";
import { resolveConfig } from "./config.ts";
import { MemoryStorage } from "./memory-storage.ts";

const least: Config = { id: 1, storage: new MemoryStorage(), random: () => 0 };

test("resolveConfig() turns on what protects a group", () => {
  expect(resolveConfig(least)).toMatchObject({
    checkQuorum: true,
    preVote: true,
    stepDownOnRemoval: true,
    readOnlyOption: "safe",
    asyncStorageWrites: false,
  });
});

test("resolveConfig() bounds everything", () => {
  const resolved = resolveConfig(least);
  expect(resolved.maxUncommittedEntriesSize).toBeLessThan(Infinity);
  expect(resolved.maxInflightBytes).toBeLessThan(Infinity);
  expect(resolved.maxPendingReads).toBeLessThan(Infinity);
});

const wrong: readonly (readonly [Partial<Config>, string])[] = [
  [{ id: 0 }, "config.id"],
  [{ id: 1.5 }, "config.id"],
  [{ heartbeatTick: 0 }, "config.heartbeatTick"],
  [{ electionTick: 1 }, "config.electionTick"],
  [{ maxSizePerMsg: -1 }, "config.maxSizePerMsg"],
  [{ maxCommittedSizePerReady: 0 }, "config.maxCommittedSizePerReady"],
  [{ maxUncommittedEntriesSize: 0 }, "config.maxUncommittedEntriesSize"],
  [{ maxInflightMsgs: 0 }, "config.maxInflightMsgs"],
  [{ maxPendingReads: 0 }, "config.maxPendingReads"],
  [{ maxInflightBytes: 5, maxSizePerMsg: 6 }, "config.maxInflightBytes"],
  [{ readOnlyOption: "leaseBased", checkQuorum: false }, "config.readOnlyOption"],
];
for (const [change, text] of wrong) {
  test(`resolveConfig() refuses ${JSON.stringify(change)}`, () => {
    expect(() => resolveConfig({ ...least, ...change })).toThrow(text);
  });
}
