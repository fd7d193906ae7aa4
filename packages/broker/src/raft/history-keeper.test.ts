import type { GroupLog, HistoryCut, LogStore } from "@ropewalk/log";
import type { KeyValueStore } from "@ropewalk/runtime";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { Checkpointer } from "../checkpointer.ts";
import { HistoryKeeper } from "./history-keeper.ts";
import type { RaftGroup } from "./raft-group.ts";
import type { StateMachine } from "./state-machine.ts";

const { logger } = nodeRuntime({ log: { level: "silent" } });
const intervalMs = 100;

/** The keeper of one internal log, of which 20 entries were applied since the last image. */
class Scene {
  readonly clock = new SimulatedClock();
  readonly cuts: HistoryCut[] = [];
  readonly saved: number[] = [];

  constructor(imageBytesMax: number) {
    const log: Partial<GroupLog> = { key: { groupId: 4, incarnation: 1 }, imageIndex: 10 };
    const machine: Partial<StateMachine> = {
      appliedIndex: 30,
      takeChanges: () => [],
      takeImage: () => ({ prefixes: [], pairs: [["state", new Uint8Array(100)]] }),
    };
    const keeper = this.#keeper(log as GroupLog, imageBytesMax);
    const group: Partial<RaftGroup> = { key: { groupId: 4, incarnation: 1 }, log: log as GroupLog };
    keeper.addInternal({ group: group as RaftGroup, machine: machine as StateMachine });
  }

  #keeper(log: GroupLog, imageBytesMax: number): HistoryKeeper {
    const { clock } = this;
    const state: Partial<KeyValueStore> = {
      range: () => [],
      commit: () => Promise.resolve(),
    };
    const store: Partial<LogStore> = {
      group: () => log,
      saveImage: (_group, index) => {
        this.saved.push(index);
        return Promise.resolve();
      },
      cut: (_group, cut) => {
        this.cuts.push(cut);
        return Promise.resolve();
      },
    };
    return new HistoryKeeper({
      clock,
      logger,
      store: store as LogStore,
      state: state as KeyValueStore,
      checkpointer: new Checkpointer(state as KeyValueStore, clock, logger, 1e6),
      intervalMs,
      retryMs: 1e6,
      entriesPerImage: 20,
      imageBytesMax,
    });
  }
}

test("HistoryKeeper cuts an internal log behind the image before", async () => {
  const scene = new Scene(1000);
  await scene.clock.run(intervalMs);
  expect(scene.saved).toEqual([30]);
  expect(scene.cuts).toEqual([{ index: 11 }]);
});

test("HistoryKeeper does not cut an internal log whose image no snapshot can carry", async () => {
  const scene = new Scene(100);
  await scene.clock.run(intervalMs);
  expect(scene.saved).toEqual([30]);
  expect(scene.cuts).toEqual([]);
});
