import type { PlotScene } from "./plot-scene.ts";

/** Connections end where nothing arrives for 5 s, and what waits goes with them. */
const leavingMsMax = 3000;

/**
 * Messages between a leader and a follower wait on their way, while the follower leaves the group and comes back as another
 * replica, by the word of a controller that both hear. Then they arrive: they are its predecessor's.
 */
export async function lateMessages(scene: PlotScene): Promise<void> {
  const found = await scene.find(
    ({ controllerId, followerIds, leaderId }) =>
      leaderId !== controllerId && followerIds.length > 0,
  );
  const [followerId] = found?.followerIds ?? [];
  if (found === undefined || followerId === undefined) return;
  const { leaderId, partition, replicaIds } = found;
  const rest = scene.without(found, followerId);
  if (rest === undefined) return;
  scene.cutBrokers(leaderId, followerId, scene.random.pick(["to", "from", "both"]));
  await scene.wait(0, 500);
  await scene.move(partition, rest);
  if (!(await scene.hasMoved(partition, rest, leavingMsMax))) return;
  await scene.move(partition, replicaIds);
  await scene.wait(50, 1000);
}
