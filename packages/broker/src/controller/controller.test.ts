import { nodeRuntime } from "@ropewalk/runtime/node";
import { expect, test } from "vitest";
import { sampleRegistration } from "../../fakes/sample-broker.ts";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { defaultBrokerLimits } from "../config.ts";
import type { CommandProposer } from "../raft/command-proposer.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import { Controller, type ControllerOptions } from "./controller.ts";
import { decodeMetadataCommand } from "./metadata-codec.ts";
import { type ApplyOutcome, MetadataImage } from "./metadata-image.ts";

const { logger, random } = nodeRuntime({ log: { level: "silent" } });
const limits = { ...defaultBrokerLimits, brokerHeartbeatMs: 100, brokerSessionTimeoutMs: 1000 };

/** The controller of three brokers, whose log takes every command at once and commits it when told. */
class Scene {
  readonly clock = new SimulatedClock();
  readonly image = new MetadataImage();
  readonly controller: Controller;
  readonly #uncommitted: (() => void)[] = [];
  #index = 0;

  constructor() {
    const { clock, image } = this;
    for (const brokerId of [1, 2, 3]) this.#register(brokerId);
    const confState = { voters: [1, 2, 3], learners: [], votersOutgoing: [] };
    const group = { leadership: { kind: "leading" }, leaderId: 1, appliedIndex: 0, confState };
    let lastOutcome: ApplyOutcome = { kind: "done" };
    const propose: CommandProposer["propose"] = (_group, _action, bytes, outcome) =>
      new Promise((resolve) => {
        this.#uncommitted.push(() => {
          const command = decodeMetadataCommand(bytes);
          if (command !== undefined) lastOutcome = image.apply(command, ++this.#index);
          resolve(outcome());
        });
      });
    const machine = {
      image,
      get lastOutcome() {
        return lastOutcome;
      },
    };
    this.controller = new Controller({
      brokerId: 1,
      clock,
      group: () => group as unknown as RaftGroup,
      machine: machine as ControllerOptions["machine"],
      proposer: { propose } as CommandProposer,
      random,
      logger,
      limits,
      bootstrapCount: 3,
      isAlive: () => true,
    });
    this.controller.life.leadershipChanged({ kind: "leading", term: 1 });
  }

  /** These brokers say that they live. */
  hear(...brokerIds: number[]): void {
    for (const brokerId of brokerIds) {
      const directoryId = `dir-${brokerId}`;
      this.controller.life.heard({ brokerId, directoryId, appliedIndex: this.#index });
    }
  }

  /** A majority has what the log took, one command after the other, and all that follows from that. */
  async commit(): Promise<void> {
    for (let left = 100; left > 0; left--) {
      for (const commit of this.#uncommitted.splice(0)) commit();
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    }
  }

  #register(brokerId: number): void {
    const broker = sampleRegistration(brokerId);
    const command = { kind: "brokerRegistered", broker, replacedDirectoryId: "" } as const;
    this.image.apply(command, ++this.#index);
  }
}

test("Controller.changeDuty() is not undone by the fencing of the broker that is decided before it is committed", async () => {
  const scene = new Scene();
  await scene.clock.run(950);
  scene.hear(1, 3);
  const drained = scene.controller.changeDuty(2, "drained", false);
  await scene.clock.run(200); // Broker 2 was silent for a second meanwhile.
  await scene.commit();
  await expect(drained).resolves.toMatchObject({ kind: "changed" });
  expect(scene.image.brokers.get(2)).toMatchObject({ duty: "drained", fenced: true });
  scene.controller.stop();
});

test("Controller.changeDuty() refuses the second of two that are asked for at once, and cannot both be spared", async () => {
  const scene = new Scene();
  const both = Promise.allSettled(
    [2, 3].map((id) => scene.controller.changeDuty(id, "drained", false)),
  );
  await scene.commit();
  const [first, second] = await both;
  expect(first).toMatchObject({ status: "fulfilled" });
  expect(second).toMatchObject({ status: "rejected", reason: { code: "POLICY_VIOLATION" } });
  scene.controller.stop();
});
