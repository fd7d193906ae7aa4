import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import process from "node:process";
import { ropewalk } from "../cluster/run-command.ts";
import { ropewalkPath } from "../cluster/running-command.ts";
import { waitFor } from "../cluster/wait-for.ts";
import type { FaultKind } from "./fault-kind.ts";
import type { FaultScene } from "./fault-scene.ts";

const movedMs = 180_000;
const waitSeconds = "120";

/** Why a command cannot be used: the product has none of that name. */
function commandObstacle(words: string): () => string | undefined {
  return () => {
    const help = spawnSync(process.execPath, [ropewalkPath, ...words.split(" "), "--help"]);
    const isThere = help.stdout.toString().includes(`Usage: ropewalk ${words}`);
    return isThere ? undefined : `there is no command ropewalk ${words}`;
  };
}

/** Runs a command that must succeed, again where its outcome is not known. */
async function operate(scene: FaultScene, args: readonly string[]): Promise<string> {
  const bootstrapServers = scene.cluster.addressesOf(scene.cluster.runningIds);
  scene.note(args.join(" "));
  let told = "";
  let stdout = "";
  await waitFor(
    () => `${args.join(" ")} succeeds: ${told}; ${scene.describe()}`,
    movedMs,
    async () => {
      const result = await ropewalk(args, { bootstrapServers });
      told = result.stderr;
      stdout = result.stdout.toString();
      return result.status === 0;
    },
  );
  return stdout;
}

/** Another order of brokers for every partition of the load's topic, without one of those it has. */
async function reassignSome(scene: FaultScene, partitionCount: number): Promise<void> {
  const { stream } = scene;
  if (stream === undefined) throw new Error("nothing is being written");
  for (let partition = 0; partition < partitionCount; partition++) {
    const first = scene.random.integer(scene.brokerIds.length);
    const replicas = [first, (first + 1) % scene.brokerIds.length].map((at) => scene.brokerIds[at]);
    const which = ["--topic", stream.topic, "--partition", String(partition)];
    await operate(scene, ["partitions", "reassign", ...which, "--replicas", replicas.join(",")]);
  }
}

async function untilMoved(scene: FaultScene): Promise<void> {
  const args = ["partitions", "list-reassignments", "--format", "json"];
  await waitFor(
    () => `all replicas have moved; ${scene.describe()}`,
    movedMs,
    async () => {
      const list = JSON.parse(await operate(scene, args)) as { reassignments: readonly unknown[] };
      return list.reassignments.length === 0;
    },
  );
}

/** Two of three that forget what was not on their disks lead everything: they count on nobody who left. */
async function expectGoneAreNotMissed(scene: FaultScene): Promise<void> {
  const { brokerIds, cluster } = scene;
  const victim = scene.anyBroker();
  scene.note(`kill -9 of all, and start all but ${victim}`);
  await Promise.all(brokerIds.map((id) => cluster.kill(id)));
  for (const id of scene.othersThan(victim)) cluster.spawn(id);
  await cluster.ready();
  await scene.goesOnWithout(victim);
  cluster.spawn(victim);
  await cluster.ready();
}

/** What an operator does to brokers and replicas while everything runs. */
export const operatorFaults: readonly FaultKind[] = [
  {
    name: "drain",
    obstacle: commandObstacle("broker drain"),
    strike: async (scene) => {
      const victim = await scene.aLeader();
      await operate(scene, ["broker", "drain", String(victim), "--timeout", waitSeconds]);
      await scene.goesOnWithout(victim);
      if (scene.random.oneIn(2)) {
        scene.note(`stop ${victim}, and start it`);
        await scene.cluster.stop(victim);
        scene.cluster.spawn(victim);
        await scene.cluster.ready();
      }
      await operate(scene, ["broker", "undrain", String(victim)]);
    },
  },
  {
    name: "grow-and-shrink",
    obstacle: commandObstacle("broker decommission"),
    brokerCount: 5,
    strike: async (scene) => {
      const comers = scene.cluster.brokerIds.filter((id) => !scene.cluster.runningIds.includes(id));
      scene.note(`start ${comers.join(", ")}, empty`);
      for (const id of comers) {
        rmSync(scene.cluster.dataDirectory(id), { recursive: true, force: true });
        scene.cluster.spawn(id);
      }
      await scene.cluster.ready();
      await operate(scene, ["partitions", "reassign", "--auto", "--wait"]);
      await scene.progress();
      for (const id of comers) {
        await operate(scene, ["broker", "decommission", String(id), "--timeout", waitSeconds]);
        await scene.cluster.stop(id);
      }
      await expectGoneAreNotMissed(scene);
    },
  },
  {
    name: "wipe-and-replace",
    obstacle: commandObstacle("broker decommission"),
    strike: async (scene) => {
      const victim = scene.anyBroker();
      scene.note(`kill -9 ${victim}, and take its disk away`);
      await scene.cluster.kill(victim);
      rmSync(scene.cluster.dataDirectory(victim), { recursive: true, force: true });
      await scene.goesOnWithout(victim);
      scene.note(`start ${victim}, empty`);
      scene.cluster.spawn(victim);
    },
  },
  {
    name: "reassign",
    obstacle: commandObstacle("partitions reassign"),
    replicationFactor: 2,
    strike: async (scene) => {
      await reassignSome(scene, 3);
      await untilMoved(scene);
      await scene.progress();
    },
  },
  {
    name: "reassign-controller-killed",
    obstacle: commandObstacle("partitions reassign"),
    replicationFactor: 2,
    strike: async (scene) => {
      await reassignSome(scene, 3);
      const victim = await scene.controllerLeader();
      scene.note(`kill -9 ${victim}, the controller, and start it`);
      await scene.cluster.kill(victim);
      scene.cluster.spawn(victim);
      await scene.cluster.ready();
      await untilMoved(scene);
      await scene.progress();
    },
  },
];
