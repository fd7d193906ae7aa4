import { setTimeout as delay } from "node:timers/promises";
import type { FaultKind } from "./fault-kind.ts";
import type { FaultScene } from "./fault-scene.ts";

async function killAndStart(scene: FaultScene, victims: readonly number[]): Promise<void> {
  scene.note(`kill -9 ${victims.join(", ")}`);
  await Promise.all(victims.map((id) => scene.cluster.kill(id)));
  const [only] = victims;
  if (victims.length === 1 && only !== undefined) await scene.goesOnWithout(only);
  scene.note(`start ${victims.join(", ")}`);
  for (const id of victims) scene.cluster.spawn(id);
}

const pauseMsMax = 30_000;

/** Faults of whole processes. */
export const processFaults: readonly FaultKind[] = [
  {
    name: "kill-leader",
    strike: async (scene) => killAndStart(scene, [await scene.aLeader()]),
  },
  {
    name: "kill-follower",
    partitionCount: 1,
    strike: async (scene) => killAndStart(scene, [await scene.aFollower()]),
  },
  {
    name: "kill-controller",
    strike: async (scene) => killAndStart(scene, [await scene.controllerLeader()]),
  },
  {
    name: "kill-all",
    strike: (scene) => killAndStart(scene, scene.brokerIds),
  },
  {
    // Short, so that nobody notices; longer than every election timeout; longer than every silence.
    name: "stop-leader",
    strike: async (scene) => {
      const victim = await scene.aLeader();
      const isLong = !scene.random.oneIn(3);
      const pauseMs = isLong ? scene.duration(4000, pauseMsMax) : scene.duration(50, 1500);
      scene.note(`SIGSTOP ${victim} for ${pauseMs} ms`);
      scene.cluster.signal(victim, "SIGSTOP");
      try {
        const over = delay(pauseMs);
        if (isLong) await scene.goesOnWithout(victim);
        await over; // The length of the fault is the fault.
      } finally {
        scene.cluster.signal(victim, "SIGCONT");
      }
    },
  },
];
