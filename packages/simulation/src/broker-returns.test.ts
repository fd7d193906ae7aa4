import assert from "node:assert/strict";
import { expect, test } from "vitest";
import { optionsOfSeed } from "./run-options.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";
import { ClientSeats } from "./workload/client-seats.ts";
import { World } from "./world/world.ts";

/** Five brokers and an admin who asks them how they are. */
class Scene {
  readonly world: World;
  readonly cluster: SimulatedCluster;
  readonly #admin: ReturnType<ReturnType<ClientSeats["open"]>["client"]["admin"]>;

  constructor() {
    const { disk, link, seed } = optionsOfSeed("1");
    this.world = new World({ seed, disk, link });
    this.cluster = new SimulatedCluster(this.world, 5);
    const { client } = new ClientSeats(this.world, this.cluster.bootstrapServers).open(0);
    this.#admin = client.admin({ timeoutMs: 5000 });
    this.cluster.startAll();
  }

  machine(brokerId: number): SimulatedCluster["machines"][number] {
    const machine = this.cluster.machines[brokerId - 1];
    assert(machine !== undefined);
    return machine;
  }

  /** Lets time pass until the brokers that are active and vote are these, and answers who the controller is. */
  async until(activeIds: readonly number[]): Promise<number> {
    for (let second = 0; second < 60; second++) {
      await this.pass(1000);
      const told = await this.#told();
      if (told?.activeIds.join() === activeIds.join() && told.controllerId > 0) {
        return told.controllerId;
      }
    }
    assert.fail(`brokers ${activeIds.join(", ")} are not those that are active after a minute`);
  }

  async #told(): Promise<{ activeIds: number[]; controllerId: number } | undefined> {
    let told: { activeIds: number[]; controllerId: number } | undefined;
    let isOver = false;
    const asked = this.#admin.describeCluster().then(({ brokers, controllerId }) => {
      const active = brokers.filter(
        ({ alive, controllerRole, state }) =>
          alive && state === "ACTIVE" && controllerRole === "VOTER",
      );
      told = { controllerId, activeIds: active.map(({ brokerId }) => brokerId) };
    });
    void asked.catch(() => undefined).finally(() => (isOver = true));
    await this.world.loop.runUntil(() => isOver, this.world.loop.nowMs + 10_000);
    return told;
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await this.world.loop.runUntil(() => false, this.world.loop.nowMs + ms);
  }
}

test("a broker comes back to a controller that lost its disk, and was taken in anew, while it was away", async () => {
  const scene = new Scene();
  const { cluster } = scene;
  let controllerId = await scene.until([1, 2, 3, 4, 5]);
  cluster.kill(scene.machine(5), "kill");
  cluster.replace(scene.machine(1));
  await scene.pass(20_000); // It is taken in once the one before is silent.
  controllerId = await scene.until([1, 2, 3, 4]);
  for (let attempt = 0; attempt < 20 && controllerId !== 1; attempt++) {
    const machine = scene.machine(controllerId);
    cluster.kill(machine, "kill");
    await scene.pass(3000); // Another one leads by then.
    cluster.start(machine);
    controllerId = await scene.until([1, 2, 3, 4]);
  }
  expect(controllerId).toBe(1);

  cluster.start(scene.machine(5));

  expect(await scene.until([1, 2, 3, 4, 5])).toBe(1);
});
