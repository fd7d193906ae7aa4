import { expect, test } from "vitest";
import { encodeCommandBatch } from "../raft/command-entry.ts";
import { encodeGroupCommand, type GroupCommand } from "./group-codec.ts";
import { groupMachinePrefix } from "./group-machine.ts";
import { emptyMembership, memberReported } from "./group-membership.ts";
import { keepsConsumerGroups, observedMembership } from "./observed-membership.ts";

function entryOf(command: GroupCommand) {
  const data = encodeCommandBatch(encodeGroupCommand(command), 1);
  return { index: 1, term: 1, type: "normal", data } as const;
}

test("observedMembership() tells who may commit what, and nothing of other entries", () => {
  const report = {
    memberId: "m1",
    clientId: "",
    sessionTimeoutMs: 1000,
    topics: ["events"],
    owned: new Map(),
  };
  const counts = new Map([["events", 2]]);
  const membership = memberReported(emptyMembership("readers"), report, counts);
  expect(observedMembership(entryOf({ kind: "membershipChanged", membership }))).toEqual({
    groupId: "readers",
    epoch: 1,
    granted: new Map([["m1", new Map([["events", [0, 1]]])]]),
  });
  const commit = { kind: "offsetsCommitted", groupId: "readers", offsets: [] } as const;
  expect(observedMembership(entryOf(commit))).toBeUndefined();
  expect(
    observedMembership({ index: 1, term: 1, type: "normal", data: new Uint8Array(0) }),
  ).toBeUndefined();
});

test("keepsConsumerGroups() knows the images of replicas that do", () => {
  const image = (prefix: string) => ({ prefixes: [prefix], pairs: [] });
  expect(keepsConsumerGroups(image(groupMachinePrefix(7)))).toBe(true);
  expect(keepsConsumerGroups(image("topics/"))).toBe(false);
});
