import type { HeartbeatRequest } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import {
  checkHeartbeat,
  memberIdLengthMax,
  partitionsPerMemberMax,
  sessionTimeoutMsMax,
  topicsPerMemberMax,
} from "./heartbeat-check.ts";

const atTheLimit: HeartbeatRequest = {
  groupId: "g",
  memberId: "m".repeat(memberIdLengthMax),
  memberEpoch: 0,
  clientId: "c".repeat(memberIdLengthMax),
  topics: Array.from({ length: topicsPerMemberMax }, (_, topic) => `t${topic}`),
  owned: [{ topic: "t", partitions: Array.from({ length: partitionsPerMemberMax }, (_, p) => p) }],
  sessionTimeoutMs: sessionTimeoutMsMax,
};

test("checkHeartbeat() takes what is within every limit", () => {
  expect(() => checkHeartbeat(atTheLimit)).not.toThrow();
});

test.each<Partial<HeartbeatRequest>>([
  { memberId: "" },
  { memberId: `${atTheLimit.memberId}m` },
  { clientId: `${atTheLimit.clientId}c` },
  { topics: [...atTheLimit.topics, "t"] },
  { owned: Array.from({ length: topicsPerMemberMax + 1 }, () => ({ topic: "t", partitions: [] })) },
  { owned: [...atTheLimit.owned, { topic: "u", partitions: [0] }] },
  { sessionTimeoutMs: sessionTimeoutMsMax + 1 },
  { sessionTimeoutMs: -1 },
])("checkHeartbeat() refuses what is beyond one limit (case %#)", (change) => {
  expect(() => checkHeartbeat({ ...atTheLimit, ...change })).toThrow(
    expect.objectContaining({ code: "INVALID_REQUEST" }),
  );
});
