import { describe, expect, test } from "vitest";
import { GroupMember } from "./group-member.ts";

const options = { groupId: "g", memberId: "m", clientId: "c", topics: ["t"], sessionTimeoutMs: 0 };

function answer(
  memberEpoch: number,
  ...partitions: number[]
): Parameters<GroupMember["answered"]>[0] {
  return { memberEpoch, heartbeatIntervalMs: 1000, assignment: [{ topic: "t", partitions }] };
}

const numbersOf = (partitions: readonly { partition: number }[]): number[] =>
  partitions.map(({ partition }) => partition);

describe("GroupMember", () => {
  test("GroupMember.heartbeat() joins with epoch 0 and stays with the epoch that was answered", () => {
    const member = new GroupMember(options);
    expect(member.heartbeat()).toMatchObject({
      memberId: "m",
      memberEpoch: 0,
      topics: ["t"],
      owned: [],
    });
    member.answered(answer(3));
    expect(member.heartbeat()).toMatchObject({ memberEpoch: 3 });
  });

  test("GroupMember.answered() grants what is new and owns it from then on", () => {
    const member = new GroupMember(options);
    expect(numbersOf(member.answered(answer(1, 0, 1)).granted)).toEqual([0, 1]);
    expect(member.heartbeat().owned).toEqual([{ topic: "t", partitions: [0, 1] }]);
    expect(member.answered(answer(1, 0, 1))).toEqual({ revoked: [], granted: [] });
  });

  test("GroupMember names a revoked partition until it was released", () => {
    const member = new GroupMember(options);
    member.answered(answer(1, 0, 1));
    const { revoked, granted } = member.answered(answer(2, 1, 2));
    expect(numbersOf(revoked)).toEqual([0]);
    expect(numbersOf(granted)).toEqual([2]);
    expect(numbersOf(member.owned)).toEqual([0, 1, 2]);
    member.released(revoked);
    expect(numbersOf(member.owned)).toEqual([1, 2]);
  });

  test("GroupMember.fenced() loses everything and joins anew under the same id", () => {
    const member = new GroupMember(options);
    member.answered(answer(5, 0, 1));
    expect(numbersOf(member.fenced())).toEqual([0, 1]);
    expect(member.heartbeat()).toMatchObject({ memberId: "m", memberEpoch: 0, owned: [] });
  });

  test("GroupMember.grantOf() is another one after the member has told that it gave the partition up, or was put out", () => {
    const member = new GroupMember(options);
    const partition = { topic: "t", partition: 0 };
    expect([member.grantOf(partition), member.hasRead(partition)]).toEqual([undefined, false]);
    member.answered(answer(1, 0));
    const first = member.grantOf(partition);
    expect(first).toBeDefined();
    member.released(member.answered(answer(2)).revoked);
    expect(member.grantOf(partition)).toBe(first);
    member.heartbeat();
    expect([member.grantOf(partition), member.hasRead(partition)]).toEqual([undefined, true]);
    member.answered(answer(3, 0));
    const second = member.grantOf(partition);
    member.fenced();
    expect(member.grantOf(partition)).toBeUndefined();
    member.answered(answer(4, 0));
    expect(new Set([first, second, member.grantOf(partition)]).size).toBe(3);
  });

  test("GroupMember.leave() says so with epoch -1", () => {
    const member = new GroupMember(options);
    member.answered(answer(5, 0));
    expect(member.leave()).toMatchObject({ memberId: "m", memberEpoch: -1 });
  });
});
