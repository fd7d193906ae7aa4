import { describe, expect, test } from "vitest";
import { GroupWatch } from "./group-watch.ts";

/** A group "g" with these partitions of "t" for its members, as of its n-th change. */
function membership(epoch: number, granted: Readonly<Record<string, readonly number[]>>) {
  const members = Object.entries(granted).map(
    ([memberId, partitions]) => [memberId, new Map([["t", partitions]])] as const,
  );
  return { groupId: "g", epoch, granted: new Map(members) };
}

function commitOf(memberId: string, partition: number) {
  return { groupId: "g", memberId, offsets: [{ topic: "t", partition, offset: 7 }] };
}

function watched(): { watch: GroupWatch; details: string[] } {
  const details: string[] = [];
  const watch = new GroupWatch(({ detail, kind }) => void details.push(`${kind}: ${detail}`));
  return { watch, details };
}

describe("GroupWatch", () => {
  test("finds a commit of a partition that was another member's all the time", () => {
    const { details, watch } = watched();
    watch.applied(membership(1, { a: [0], b: [1] }));
    watch.asked(commitOf("a", 1))(true);
    expect(details).toEqual([
      "commit of another's: member a of group g committed t-1:7, which is granted to b",
    ]);
  });

  test("finds nothing wrong with commits of one's own, nor with those that were refused", () => {
    const { details, watch } = watched();
    watch.applied(membership(1, { a: [0], b: [1] }));
    watch.asked(commitOf("a", 0))(true);
    watch.asked(commitOf("a", 1))(false);
    expect(details).toEqual([]);
  });

  test("bears that a partition came or went while the commit was open", () => {
    const { details, watch } = watched();
    watch.applied(membership(1, { a: [0, 1] }));
    const late = watch.asked(commitOf("a", 1));
    const early = watch.asked(commitOf("b", 1));
    watch.applied(membership(2, { a: [0], b: [1] }));
    late(true);
    early(true);
    expect(details).toEqual([]);
  });

  test("passes over a change that was made of what is not there any more", () => {
    const { details, watch } = watched();
    watch.applied(membership(1, { a: [0] }));
    watch.applied(membership(1, { b: [0] }));
    watch.asked(commitOf("a", 0))(true);
    expect(details).toEqual([]);
  });

  test("lets somebody outside commit only where there are no members", () => {
    const { details, watch } = watched();
    watch.asked(commitOf("", 0))(true);
    expect(details).toEqual([]);
    watch.applied(membership(1, { a: [0] }));
    watch.asked(commitOf("", 0))(true);
    expect(details).toHaveLength(1);
    watch.applied(membership(2, {}));
    watch.asked(commitOf("", 0))(true);
    expect(details).toHaveLength(1);
  });
});
