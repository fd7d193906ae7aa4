import type { PlotScene } from "./plot-scene.ts";

const movingMsMax = 3000;

/**
 * A follower does not hear from the controller, so that it knows nothing of the move by which it is given its group. It must
 * not undo what its members were changed to.
 */
export async function staleLeader(scene: PlotScene): Promise<void> {
  const found = await scene.find(
    ({ controllerId, followerIds, leaderId }) =>
      leaderId !== controllerId && followerIds.length > 0,
  );
  const [heirId] = found?.followerIds ?? [];
  if (found === undefined || heirId === undefined) return;
  const { controllerId, leaderId, partition, replicaIds } = found;
  const rest = scene.mayHave(1) ? [heirId] : scene.without(found, leaderId);
  if (rest === undefined || controllerId === 0) return;
  scene.cutBrokers(controllerId, heirId, scene.random.pick(["to", "both"]));
  await scene.wait(0, 200);
  await scene.move(partition, rest);
  await scene.wait(500, 2500);
  scene.restore();
  if (await scene.hasMoved(partition, rest, movingMsMax)) await scene.move(partition, replicaIds);
}
