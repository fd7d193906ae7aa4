import type { Admin } from "@ropewalk/client";
import type { SeededRandom } from "../world/seeded-random.ts";
import { Activity } from "./activity.ts";
import type { ClientSeat } from "./client-seats.ts";
import type { History } from "./history.ts";
import type { LoadedTopic } from "./loaded-topic.ts";

/** How often everything is deleted that there is: who lags behind then needs a snapshot. */
const allShare = 0.4;

/** Somebody who has records of a topic deleted, oldest first, while it is in use. */
export class Trimming {
  readonly #admin: Admin;
  readonly #random: SeededRandom;
  readonly #topic: LoadedTopic;
  readonly #history: History;
  readonly #activity: Activity;

  constructor(
    { client, process }: ClientSeat,
    random: SeededRandom,
    load: { readonly topic: LoadedTopic; readonly history: History },
    everyMsMax: number,
  ) {
    this.#admin = client.admin({ timeoutMs: 5000 });
    this.#random = random;
    this.#topic = load.topic;
    this.#history = load.history;
    this.#activity = new Activity({ process, random, everyMsMax }, () => this.#deleteSome());
  }

  start(): void {
    this.#activity.start();
  }

  stop(): void {
    this.#activity.stop();
  }

  settled(): Promise<void> {
    return this.#activity.ended();
  }

  /** Of one partition, up to any offset. */
  async #deleteSome(): Promise<void> {
    const { name } = this.#topic;
    const ends = await this.#admin.listOffsets(name, "latest");
    const { highWatermark, logStartOffset, partition } = this.#random.pick(ends);
    const some = logStartOffset + this.#random.integer(highWatermark - logStartOffset + 1);
    const offset = this.#random.chance(allShare) ? highWatermark : some;
    this.#history.willDelete(partition, offset);
    await this.#admin.deleteRecords({ topic: name, offsets: [{ partition, offset }] });
  }
}
