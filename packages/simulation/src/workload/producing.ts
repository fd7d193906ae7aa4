import type { Producer, RopewalkClient } from "@ropewalk/client";
import type { SeededRandom } from "../world/seeded-random.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
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
  readonly pauseMsMax: number;
  readonly burstMax: number;
}

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
      lingerMs: random.integer(20),
      idempotent: options.isIdempotent,
      deliveryTimeoutMs: random.chance(0.15) ? 3000 : 120_000,
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
      const { burstMax } = this.#options;
      for (let left = 1 + this.#random.integer(burstMax); left > 0; left--) this.#write();
      this.start();
    });
  }

  stop(): void {
    this.#isStopped = true;
  }

  #write(): void {
    const { name, topic, valueBytesMax } = this.#options;
    const partition = this.#random.integer(topic.partitionCount);
    const record = this.#history.write(name, this.#count++, partition);
    const padding = ".".repeat(this.#random.integer(valueBytesMax));
    const value = Buffer.from(`${valueOf(record)} ${padding}`);
    this.#pending++;
    const settle = (fate: Fate): void => {
      record.fate = fate;
      this.#pending--;
    };
    this.#producer.send({ topic: topic.name, partition, value }).then(
      ({ offset }) => settle({ kind: "acknowledged", partition, offset }),
      (error: unknown) => settle({ kind: "failed", ...callFailureOf(error) }),
    );
  }
}
