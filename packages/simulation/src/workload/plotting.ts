import type { Admin } from "@ropewalk/client";
import { type PlotKind, plots } from "../plots/plot.ts";
import { PlotScene } from "../plots/plot-scene.ts";
import type { SimulatedCluster } from "../simulated-cluster.ts";
import type { SeededRandom } from "../world/seeded-random.ts";
import type { World } from "../world/world.ts";
import { Activity } from "./activity.ts";
import type { ClientSeat } from "./client-seats.ts";
import type { LoadedTopic } from "./loaded-topic.ts";
import { nothingMoves } from "./reassignments.ts";

/** What is plotted, and where. */
export interface PlottingOptions {
  readonly world: World;
  readonly cluster: SimulatedCluster;
  readonly topic: LoadedTopic;
  readonly kinds: readonly PlotKind[];
  readonly replicaCountMin: number;
}

/** So long at most from one plot to the next. */
const everyMsMax = 2000;

/** Somebody who leads the cluster into one rare history after another. */
export class Plotting {
  readonly #seat: ClientSeat;
  readonly #admin: Admin;
  readonly #random: SeededRandom;
  readonly #options: PlottingOptions;
  readonly #activity: Activity;

  constructor(seat: ClientSeat, random: SeededRandom, options: PlottingOptions) {
    this.#seat = seat;
    this.#admin = seat.client.admin({ timeoutMs: 2000 });
    this.#random = random;
    this.#options = options;
    const pace = { process: seat.process, random, everyMsMax };
    this.#activity = new Activity(pace, () => this.#plot(random.pick(options.kinds)));
  }

  start(): void {
    this.#activity.start();
  }

  stop(): void {
    this.#activity.stop();
  }

  /** Resolves when nothing that was begun is left. */
  async settled(): Promise<void> {
    await this.#activity.ended();
    await nothingMoves(this.#admin, this.#seat.process);
  }

  async #plot(kind: PlotKind): Promise<void> {
    const { cluster, replicaCountMin, topic, world } = this.#options;
    world.trace.tell("plot", kind);
    const scene = new PlotScene({
      ...{ world, cluster, topic, replicaCountMin },
      admin: this.#admin,
      process: this.#seat.process,
      random: this.#random,
      isOver: () => this.#activity.isStopped,
    });
    try {
      await plots[kind](scene);
    } finally {
      scene.restore();
      world.trace.tell("plot", "ends");
    }
  }
}
