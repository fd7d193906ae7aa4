import type { PlotScene } from "./plot-scene.ts";

const replacingMsMax = 4000;

/**
 * A replica sleeps while another one leaves the group and comes back without anything, which nobody can send it: its leader
 * does not reach it, and dies. The one that slept knows nothing of all that, and asks the newcomer for a vote that is
 * its predecessor's: with it, the two would be a majority of a group that is none any more.
 */
export async function newcomersVote(scene: PlotScene): Promise<void> {
  const found = await scene.find(
    ({ controllerId, followerIds, leaderId, outsiderIds, replicaIds }) =>
      replicaIds.length === 3 &&
      leaderId !== controllerId &&
      followerIds.length > 0 &&
      outsiderIds.length > 0,
  );
  const [sleeperId] = found?.followerIds ?? [];
  const [standInId] = found?.outsiderIds ?? [];
  if (found === undefined || sleeperId === undefined || standInId === undefined) return;
  const { leaderId, partition, replicaIds } = found;
  const newcomerId = replicaIds.find((id) => id !== leaderId && id !== sleeperId);
  if (newcomerId === undefined) return;
  scene.kill(sleeperId);
  const meanwhile = [leaderId, sleeperId, standInId];
  await scene.move(partition, meanwhile);
  if (!(await scene.hasMoved(partition, meanwhile, replacingMsMax))) return;
  scene.cutBrokers(leaderId, newcomerId);
  await scene.move(partition, replicaIds);
  await scene.wait(200, 800);
  scene.kill(leaderId);
  // Who knows better is alive, and must not be heard.
  scene.cutBrokers(standInId, sleeperId);
  scene.start(sleeperId);
  await scene.wait(3000, 5000);
}
