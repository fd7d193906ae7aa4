import { expect, test } from "vitest";
import { Prng } from "../../fakes/prng.ts";
import { followerMaySleep, leaderMaySleep } from "./hibernation.ts";
import { Group } from "./group.ts";
import { SimulatedProcesses } from "../../fakes/simulated-processes.ts";

/** Three nodes that lead one group among them and would sleep, if they were let. */
function awakeWorld(): {
  world: SimulatedProcesses;
  maySleep: (goneIds?: readonly number[]) => boolean;
} {
  const groups = [{ key: { groupId: 1, incarnation: 1 }, voters: [1, 2, 3], learners: [] }];
  const options = { hibernateAfterTicks: 0, peerTimeoutTicks: 100 };
  const world = new SimulatedProcesses({ nodeCount: 3, groups, random: new Prng(2), options });
  world.roundsUntil("converged", 60, () => world.isConverged);
  for (let round = 0; round < 3; round++) world.round();
  const maySleep = (goneIds: readonly number[] = []): boolean => {
    const handle = world.leader(1)?.handle;
    const isGone = (id: number): boolean => goneIds.includes(id);
    return handle instanceof Group && leaderMaySleep(handle.node, isGone);
  };
  return { world, maySleep };
}

test("leaderMaySleep() holds for a leader whose followers have everything", () => {
  expect(awakeWorld().maySleep()).toBe(true);
});

test("leaderMaySleep() does not hold while an entry is on its way", () => {
  const { world, maySleep } = awakeWorld();
  world.propose(world.leader(1));
  expect(maySleep()).toBe(false);
});

test("leaderMaySleep() does not hold during a transfer of leadership", () => {
  const { world, maySleep } = awakeWorld();
  const leader = world.leader(1);
  leader?.handle?.transferLeader(((leader.nodeId ?? 0) % 3) + 1);
  expect(maySleep()).toBe(false);
});

test("leaderMaySleep() does not hold when a member was not heard of since the last quorum check", () => {
  const { world, maySleep } = awakeWorld();
  const leaderId = world.leader(1)?.nodeId ?? 0;
  world.cut.add(`${(leaderId % 3) + 1}>${leaderId}`);
  for (let round = 0; round < 12; round++) world.round();
  expect(world.leader(1)?.nodeId).toBe(leaderId);
  expect(maySleep()).toBe(false);
});

test("leaderMaySleep() does not wait for what one lacks who is gone, but for a majority", () => {
  const { world, maySleep } = awakeWorld();
  const leaderId = world.leader(1)?.nodeId ?? 0;
  const [goneId = 0, otherId = 0] = [1, 2, 3].filter((id) => id !== leaderId);
  world.cut.add(`${leaderId}>${goneId}`);
  world.propose(world.leader(1));
  for (let round = 0; round < 3; round++) world.round();
  expect(maySleep()).toBe(false);
  expect(maySleep([goneId])).toBe(true);
  expect(maySleep([otherId])).toBe(false);
  expect(maySleep([goneId, otherId])).toBe(false);
});

test("followerMaySleep() holds only for what the leader has, of its very term, and applied", () => {
  const { world } = awakeWorld();
  const handle = world.replicas(1).find((each) => each.handle?.role === "follower")?.handle;
  if (!(handle instanceof Group)) throw new Error("somebody follows");
  const { node, term, lastIndex } = handle;
  expect(followerMaySleep(node, term, lastIndex)).toBe(true);
  expect(followerMaySleep(node, term + 1, lastIndex)).toBe(false);
  expect(followerMaySleep(node, term, lastIndex + 1)).toBe(false);

  world.propose(world.leader(1));
  for (const process of world.processes) process.pass();
  const [append] = world.packets.filter((packet) => packet.to === node.id);
  if (append !== undefined) world.deliver(append);
  expect(handle.lastIndex).toBe(lastIndex + 1);
  expect(followerMaySleep(node, term, lastIndex)).toBe(false);
});
