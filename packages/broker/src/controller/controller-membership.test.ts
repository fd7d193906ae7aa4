import { nodeRuntime } from "@ropewalk/runtime/node";
import type { ConfChange, ConfState } from "raft-ts";
import { expect, test } from "vitest";
import { sampleRegistration } from "../../fakes/sample-broker.ts";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import { ControllerMembership } from "./controller-membership.ts";
import { MetadataImage } from "./metadata-image.ts";

const { logger } = nodeRuntime({ log: { level: "silent" } });

/** The metadata's group at its leader, broker 1, the only voter, which takes every change at once. */
class Scene {
  readonly clock = new SimulatedClock();
  readonly image = new MetadataImage();
  readonly membership: ControllerMembership;
  learners: readonly number[] = [];

  constructor() {
    this.image.apply({ kind: "clusterFormed", clusterId: "c" }, 1);
    this.register(1);
    const confState = (): ConfState => this.#confState();
    const group: Partial<RaftGroup> = {
      get confState() {
        return confState();
      },
      leadership: { kind: "leading", term: 1 },
      appliedIndex: 2,
      memberProgress: () => [],
      forgetProgress: () => undefined,
      proposeMembership: (change, listener) => {
        this.#change(change);
        listener.committed(3);
        return { kind: "appended", index: 3, baseOffset: 0 };
      },
    };
    this.membership = new ControllerMembership({
      brokerId: 1,
      clock: this.clock,
      logger,
      image: this.image,
      group: () => group as RaftGroup,
      intervalMs: 100,
      awaitMs: 1000,
      replaceDelayMs: 0,
      changeMsMax: 1000,
    });
  }

  register(brokerId: number): void {
    const broker = sampleRegistration(brokerId);
    this.image.apply({ kind: "brokerRegistered", broker, replacedDirectoryId: "" }, brokerId + 1);
  }

  #confState(): ConfState {
    const none = { votersOutgoing: [], learnersNext: [], autoLeave: false };
    return { voters: [1], learners: [...this.learners], ...none };
  }

  #change({ changes }: ConfChange): void {
    for (const { nodeId, type } of changes) {
      const others = this.learners.filter((id) => id !== nodeId);
      this.learners = type === "addLearner" ? [...others, nodeId] : others;
    }
  }
}

test("ControllerMembership lets a learner go that does not register, and waits a while for it", async () => {
  const scene = new Scene();
  await scene.membership.makeEmptyLearner(4);
  await scene.membership.makeEmptyLearner(5);
  await scene.clock.run(30_000);
  scene.register(5);
  await scene.clock.run(29_000);
  expect(scene.learners).toEqual([4, 5]);
  await scene.clock.run(2000);
  expect(scene.learners).toEqual([5]);
  // It comes after all.
  await scene.membership.makeEmptyLearner(4);
  scene.register(4);
  await scene.clock.run(120_000);
  expect(scene.learners).toEqual([5, 4]);
  scene.membership.stop();
});
