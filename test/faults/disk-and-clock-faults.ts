import { setTimeout as delay } from "node:timers/promises";
import { volumeObstacle } from "../powercut/power-supply.ts";
import type { FaultKind } from "./fault-kind.ts";

const hourMs = 3_600_000;
const fullMsMax = 8000;
const blockMsMax = 2000;
const slowMsMax = 200;
const skewMsMax = 5000;

/** Faults of a broker's disk, event loop and clock, as its process sees them. */
export const diskAndClockFaults: readonly FaultKind[] = [
  {
    name: "slow-disk",
    strike: async (scene) => {
      const victim = await scene.aLeader();
      const flushMs = scene.duration(20, slowMsMax);
      scene.note(`every flush of broker ${victim} takes ${flushMs} ms longer`);
      scene.skew(victim).set({ flushMs });
      await delay(scene.duration(1000, skewMsMax));
      await scene.progress();
      scene.skew(victim).set({});
    },
  },
  {
    // Nothing is refused for good: the disk has room again before a producer gives up.
    name: "full-disk",
    needsVolumes: true,
    obstacle: volumeObstacle,
    strike: async (scene) => {
      const victim = await scene.aLeader();
      scene.note(`the disk of broker ${victim} is full`);
      const ballast = scene.ballast(victim);
      await ballast.fill();
      await delay(scene.duration(1000, fullMsMax));
      scene.note(`the disk of broker ${victim} has room again`);
      ballast.remove();
      await scene.progress();
    },
  },
  {
    name: "stalled-disk",
    strike: async (scene) => {
      const victim = await scene.aLeader();
      scene.note(`no flush of broker ${victim} ends`);
      scene.skew(victim).set({ flushMs: hourMs });
      await scene.goesOnWithout(victim);
      scene.note(`flushes of broker ${victim} end again`);
      scene.skew(victim).set({});
    },
  },
  {
    name: "blocked-loop",
    strike: async (scene) => {
      const victim = await scene.aLeader();
      const blockMs = scene.duration(500, blockMsMax);
      scene.note(`the loop of broker ${victim} is blocked for ${blockMs} ms again and again`);
      scene.skew(victim).set({ blockMs });
      await scene.goesOnWithout(victim);
      scene.note(`the loop of broker ${victim} is free again`);
      scene.skew(victim).set({});
    },
  },
  {
    // While it runs, and at its next start: both happen.
    name: "clock-jump",
    strike: async (scene) => {
      const victim = scene.random.oneIn(2) ? await scene.aLeader() : await scene.aFollower();
      const clockMs = scene.random.oneIn(2) ? hourMs : -hourMs;
      scene.note(`the clock of broker ${victim} jumps by ${clockMs} ms`);
      scene.skew(victim).set({ clockMs });
      await delay(scene.duration(1000, skewMsMax));
      await scene.progress();
      if (scene.random.oneIn(2)) {
        scene.note(`kill -9 ${victim}, and start it with that clock`);
        await scene.cluster.kill(victim);
        scene.cluster.spawn(victim);
        await scene.cluster.ready();
        await scene.progress();
      }
      scene.note(`the clock of broker ${victim} is right again`);
      scene.skew(victim).set({});
      await scene.progress();
    },
  },
];
