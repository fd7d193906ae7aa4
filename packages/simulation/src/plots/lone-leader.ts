import type { PlotScene } from "./plot-scene.ts";

/**
 * A leader is alone with all clients, and takes records that no other replica has. Another one leads meanwhile, but nobody
 * writes to it; then leadership comes back, and what clients write takes the offsets of what was lost.
 */
export async function loneLeader(scene: PlotScene): Promise<void> {
  const found = await scene.find(
    ({ leaderId, replicaIds }) => replicaIds.length >= 3 && replicaIds[0] === leaderId,
  );
  if (found === undefined) return;
  scene.cutOffWithClients(found.leaderId);
  await scene.wait(1500, 3500);
  scene.healBrokers();
  await scene.wait(1000, 4000);
}
