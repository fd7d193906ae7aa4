import type { Producer, RopewalkClient } from "@ropewalk/client";
import type { SeededRandom } from "../world/seeded-random.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import { pause } from "./activity.ts";
import { callFailureOf } from "./call-failure.ts";
import { type Fate, type History, valueOf } from "./history.ts";
import type { LoadedTopic } from "./loaded-topic.ts";

/** How a producer writes. */
export interface ProducingOptions {
  readonly name: string;
  readonly topic: LoadedTopic;
  /** Whether resends can be told from new records. */
  readonly isIdempotent: boolean;
  readonly valueBytesMax: number;
  readonly batchBytesMax: number | undefined;
  readonly pauseMsMax: number;
  readonly burstMax: number;
}

/** How long some producers try: less than a leader takes to be replaced, or hardly longer. */
const hastyMs = [300, 1000, 3000];

/** A record that failed is followed by another one so soon. */
const retryMs = 200;

/** A producer that writes numbered records, in bursts, until it is told to stop. */
export class Producing {
  readonly #producer: Producer;
  readonly #process: SimulatedProcess;
  readonly #random: SeededRandom;
  readonly #history: History;
  readonly #options: ProducingOptions;
  #count = 0;
  #pending = 0;
  #isStopped = false;

  constructor(
    client: RopewalkClient,
    process: SimulatedProcess,
    random: SeededRandom,
    history: History,
    options: ProducingOptions,
  ) {
    this.#producer = client.producer({
      lingerMs: random.chance(0.5) ? random.integer(20) : undefined,
      idempotent: options.isIdempotent,
      batchBytesMax: options.batchBytesMax,
      deliveryTimeoutMs: random.chance(0.4) ? random.pick(hastyMs) : 120_000,
    });
    if (!options.isIdempotent) history.plainProducers.add(options.name);
    this.#process = process;
    this.#random = random;
    this.#history = history;
    this.#options = options;
  }

  /** Records whose fate is not known yet. */
  get pendingCount(): number {
    return this.#pending;
  }

  start(): void {
    this.#process.setTimer(this.#random.between(0, this.#options.pauseMsMax), () => {
      if (this.#isStopped) return;
      const { burstMax, topic } = this.#options;
      for (let left = 1 + this.#random.integer(burstMax); left > 0; left--) {
        void this.#write(this.#random.integer(topic.partitionCount));
      }
      this.start();
    });
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Resolves when every partition has taken one more record: what was mended serves again, also after all that failed. */
  async served(): Promise<void> {
    const partitions = Array.from({ length: this.#options.topic.partitionCount }, (_, row) => row);
    await Promise.all(partitions.map((partition) => this.#servedBy(partition)));
  }

  async #servedBy(partition: number): Promise<void> {
    while ((await this.#write(partition)).kind !== "acknowledged") {
      await pause(this.#process, retryMs);
    }
  }

  #write(partition: number): Promise<Fate> {
    const { name, topic, valueBytesMax } = this.#options;
    const record = this.#history.write(name, this.#count++, partition);
    const padding = ".".repeat(this.#random.integer(valueBytesMax));
    const value = Buffer.from(`${valueOf(record)} ${padding}`);
    this.#pending++;
    const settle = (fate: Fate): Fate => {
      this.#history.settled(record, fate);
      this.#pending--;
      return fate;
    };
    return this.#producer.send({ topic: topic.name, partition, value }).then(
      ({ offset }) => settle({ kind: "acknowledged", partition, offset }),
      (error: unknown) => settle({ kind: "failed", ...callFailureOf(error) }),
    );
  }
}
