import { describe, expect, test } from "vitest";
import { optionsOfSeed } from "../run-options.ts";
import { SimulatedCluster } from "../simulated-cluster.ts";
import { ClientSeats } from "../workload/client-seats.ts";
import { World } from "../world/world.ts";
import { PlotScene, type PlotSceneOptions } from "./plot-scene.ts";

/** Three brokers that do not run, and somebody who plots. */
function sceneOf(changes: Partial<PlotSceneOptions> = {}): { scene: PlotScene; world: World } {
  const { disk, link, seed } = optionsOfSeed("1");
  const world = new World({ seed, disk, link });
  const cluster = new SimulatedCluster(world, 3);
  const { client, process } = new ClientSeats(world, cluster.bootstrapServers).open(0);
  const scene = new PlotScene({
    ...{ world, cluster, process, replicaCountMin: 1 },
    topic: { name: "events", partitionCount: 1 },
    admin: client.admin(),
    random: world.random.fork("plot"),
    isOver: () => false,
    ...changes,
  });
  return { scene, world };
}

const found = {
  ...{ partition: 0, leaderId: 1, controllerId: 3, replicaIds: [1, 2, 3] },
  ...{ followerIds: [2], outsiderIds: [] },
};

describe("PlotScene", () => {
  test("PlotScene.cutBrokers() cuts in the direction that is asked for, until PlotScene.restore()", () => {
    const { scene, world } = sceneOf();
    scene.cutBrokers(1, 2, "to");
    scene.cutBrokers(1, 3, "from");
    const isCut = (): boolean[] => [
      world.links.isCut("broker-1", "broker-2"),
      world.links.isCut("broker-2", "broker-1"),
      world.links.isCut("broker-1", "broker-3"),
      world.links.isCut("broker-3", "broker-1"),
    ];
    expect(isCut()).toEqual([true, false, false, true]);
    scene.restore();
    expect(isCut()).toEqual([false, false, false, false]);
  });

  test("PlotScene.cutOffWithClients() leaves a broker the clients, also when PlotScene.healBrokers() gives it the others", () => {
    const { scene, world } = sceneOf();
    const isCut = (from: string, to: string): boolean => world.links.isCut(from, to);
    scene.cutOffWithClients(1);
    expect(isCut("client-1", "broker-1")).toBe(false);
    expect(isCut("client-1", "broker-2")).toBe(true);
    expect(isCut("broker-1", "broker-2")).toBe(true);
    expect(isCut("broker-2", "broker-3")).toBe(false);
    scene.healBrokers();
    expect(isCut("broker-1", "broker-2")).toBe(false);
    expect(isCut("broker-3", "client-2")).toBe(true);
  });

  test("PlotScene harms nothing any more when it is over", () => {
    const { scene, world } = sceneOf({ isOver: () => true });
    scene.cutBrokers(1, 2);
    expect(world.links.isCut("broker-1", "broker-2")).toBe(false);
  });

  test("PlotScene.without() leaves a replica out only where enough are left, or another broker takes its place", () => {
    expect(sceneOf().scene.without(found, 2)).toEqual([1, 3]);
    const { scene } = sceneOf({ replicaCountMin: 3 });
    expect(scene.without(found, 2)).toBeUndefined();
    expect(scene.without({ ...found, outsiderIds: [4] }, 2)).toEqual([1, 3, 4]);
  });
});
