import { createMessage, type Entry, type Message } from "raft-ts";
import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { controllerGroupId } from "../controller/metadata-image.ts";
import { CommitNotices } from "./commit-notices.ts";
import type { RaftGroup } from "./raft-group.ts";

const entry: Entry = { index: 1, term: 1, type: "normal", data: new Uint8Array(1) };

function group(groupId: number): RaftGroup {
  // Of a group the notices know only its key.
  return { key: { groupId, incarnation: 1 } } as RaftGroup;
}

function append(to: number, commit: number, entries: readonly Entry[] = []): Message {
  return { ...createMessage("MsgApp", to), commit, entries };
}

function start() {
  const clock = new SimulatedClock();
  const released: { readonly groupId: number; readonly to: number; readonly commit: number }[] = [];
  const notices = new CommitNotices(clock, 5, (all) => {
    for (const { group: of, message } of all) {
      released.push({ groupId: of.key.groupId, to: message.to, commit: message.commit });
    }
  });
  return { clock, notices, released };
}

test("CommitNotices releases the latest notice of each group and broker after its delay, once", async () => {
  const { clock, notices, released } = start();
  const [seven, eight] = [group(7), group(8)];
  expect(notices.holds(seven, append(2, 1))).toBe(true);
  expect(notices.holds(seven, append(2, 2))).toBe(true);
  expect(notices.holds(seven, append(3, 1))).toBe(true);
  expect(notices.holds(eight, append(2, 9))).toBe(true);
  await clock.run(4);
  expect(released).toEqual([]);
  await clock.run(1);
  expect(released).toEqual([
    { groupId: 7, to: 2, commit: 2 },
    { groupId: 8, to: 2, commit: 9 },
    { groupId: 7, to: 3, commit: 1 },
  ]);
  await clock.run(100);
  expect(released).toHaveLength(3);
});

test("CommitNotices forgets a notice where an append of the same group tells that broker", async () => {
  const { clock, notices, released } = start();
  const seven = group(7);
  notices.holds(seven, append(2, 1));
  notices.holds(seven, append(3, 1));
  expect(notices.holds(seven, append(2, 1, [entry]))).toBe(false);
  await clock.run(5);
  expect(released).toEqual([{ groupId: 7, to: 3, commit: 1 }]);
});

test("CommitNotices lets metadata, and what is no append, pass at once", () => {
  const { notices } = start();
  expect(notices.holds(group(controllerGroupId), append(2, 1))).toBe(false);
  expect(notices.holds(group(7), createMessage("MsgTimeoutNow", 2))).toBe(false);
});

test("CommitNotices releases nothing after `stop`", async () => {
  const { clock, notices, released } = start();
  notices.holds(group(7), append(2, 1));
  notices.stop();
  await clock.run(100);
  expect(released).toEqual([]);
});
