import { setTimeout as delay } from "node:timers/promises";
import type { FaultKind } from "./fault-kind.ts";
import type { FaultScene } from "./fault-scene.ts";

/** What still arrives: of what the victim sends, of what others send to it, neither. */
type Hearing = "sends only" | "receives only" | "cut off";

const partitionMsMax = 10_000;

function cut(scene: FaultScene, victim: number, hearing: Hearing): void {
  for (const other of scene.othersThan(victim)) {
    if (hearing !== "sends only") scene.wires.cut(victim, other);
    if (hearing !== "receives only") scene.wires.cut(other, victim);
  }
}

async function partition(scene: FaultScene, victim: number, hearing: Hearing): Promise<void> {
  scene.note(`broker ${victim} is ${hearing}`);
  cut(scene, victim, hearing);
  try {
    const over = delay(scene.duration(1000, partitionMsMax));
    await scene.goesOnWithout(victim);
    await over; // The length of the fault is the fault.
  } finally {
    scene.note("the network is whole");
    scene.wires.heal();
  }
}

function kindsOf(who: "leader" | "follower", hearing: Hearing): FaultKind {
  return {
    name: `${who}-${hearing.replaceAll(" ", "-")}`,
    ...(who === "follower" && { partitionCount: 1 }),
    strike: async (scene) => {
      const victim = await (who === "leader" ? scene.aLeader() : scene.aFollower());
      await partition(scene, victim, hearing);
    },
  };
}

const hearings: readonly Hearing[] = ["sends only", "receives only", "cut off"];

/** Partitions between one broker and the others. Clients reach all of them all the time. */
export const networkFaults: readonly FaultKind[] = [
  ...hearings.map((hearing) => kindsOf("leader", hearing)),
  ...hearings.map((hearing) => kindsOf("follower", hearing)),
  {
    // Every broker still reaches a majority; which is not the same one for all.
    name: "one-link-cut",
    strike: async (scene) => {
      const one = await scene.aLeader();
      const [other = 1] = scene.othersThan(one);
      scene.note(`brokers ${one} and ${other} do not hear each other`);
      scene.wires.cut(one, other);
      scene.wires.cut(other, one);
      try {
        await delay(scene.duration(1000, partitionMsMax));
        await scene.progress();
      } finally {
        scene.note("the network is whole");
        scene.wires.heal();
      }
    },
  },
];
