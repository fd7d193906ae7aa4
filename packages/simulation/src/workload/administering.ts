import type { Admin, ConfigAlteration } from "@ropewalk/client";
import type { SeededRandom } from "../world/seeded-random.ts";
import { Activity } from "./activity.ts";
import type { ClientSeat } from "./client-seats.ts";
import type { LoadedTopic } from "./loaded-topic.ts";

/** What an admin does to a topic that is in use. */
export const topicChores = ["add partitions", "alter configs", "look around"] as const;

/** One of them. */
export type TopicChore = (typeof topicChores)[number];

const partitionCountMax = 8;

/** Configs that records must survive. */
const configValues: readonly (readonly [name: string, values: readonly string[]])[] = [
  ["segment.ms", ["500", "2000", "604800000"]],
  ["segment.bytes", ["1048576", "2097152"]],
  ["message.timestamp.type", ["CreateTime", "LogAppendTime"]],
  ["max.message.bytes", ["1048576", "4194304"]],
];

/** An admin who grows a topic under load and alters its configs. */
export class Administering {
  readonly #admin: Admin;
  readonly #random: SeededRandom;
  readonly #topic: LoadedTopic;
  readonly #activity: Activity;

  constructor(
    { client, process }: ClientSeat,
    random: SeededRandom,
    topic: LoadedTopic,
    options: { readonly chores: readonly TopicChore[]; readonly everyMsMax: number },
  ) {
    this.#admin = client.admin({ timeoutMs: 10_000 });
    this.#random = random;
    this.#topic = topic;
    const pace = { process, random, everyMsMax: options.everyMsMax };
    this.#activity = new Activity(pace, () => this.#chore(random.pick(options.chores)));
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

  async #chore(chore: TopicChore): Promise<void> {
    if (chore === "add partitions") await this.#addPartition();
    else if (chore === "alter configs") await this.#alterConfigs();
    else await this.#look();
  }

  async #addPartition(): Promise<void> {
    const topic = this.#topic;
    if (topic.partitionCount >= partitionCountMax) return;
    const { partitions } = await this.#admin.createPartitions(topic.name, topic.partitionCount + 1);
    topic.partitionCount = Math.max(topic.partitionCount, partitions.length);
  }

  async #alterConfigs(): Promise<void> {
    const [name, values] = this.#random.pick(configValues);
    const alteration: ConfigAlteration = this.#random.chance(0.2)
      ? { operation: "DELETE", name }
      : { operation: "SET", name, value: this.#random.pick(values) };
    await this.#admin.alterConfigs({ kind: "topic", name: this.#topic.name }, [alteration]);
  }

  async #look(): Promise<void> {
    await this.#admin.listTopics({ includeInternal: true });
    await this.#admin.describeCluster();
    await this.#admin.describeConfigs({ kind: "topic", name: this.#topic.name });
    await this.#admin.listOffsets(this.#topic.name, this.#random.pick(["earliest", "latest"]));
  }
}
