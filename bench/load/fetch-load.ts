import { type ConsumedBatch, type Consumer, createClient } from "@ropewalk/client";
import type { FetchJob } from "./load-job.ts";
import type { LoadCounter } from "./load-counter.ts";
import { sharedUs } from "./shared-clock.ts";

/** Where the open loop wrote the time at which a record was due. */
const stampBytes = 8;

/** One consumer that reads a topic: to its end and again from its beginning, or what comes to its end. */
export class FetchLoad {
  readonly #job: FetchJob;
  readonly #client: ReturnType<typeof createClient>;
  #consumer: Consumer;

  constructor(job: FetchJob) {
    this.#job = job;
    const { bootstrapServers } = job;
    this.#client = createClient({ bootstrapServers, clientId: "ropewalk-bench" });
    this.#consumer = this.#newConsumer();
  }

  /** Resolves when nothing that is written from now on is missed. */
  async prepare(): Promise<void> {
    if (this.#job.from === "latest") await this.#consumer.ready();
    else await this.#client.admin().describeTopic(this.#job.topic);
  }

  /** At the end of a topic, what was written in time may arrive later: somebody else must decide. */
  get endsByItself(): boolean {
    return this.#job.from === "earliest";
  }

  /** Reads until the schedule ends, or until it is closed. */
  async run(counter: LoadCounter): Promise<void> {
    while (!counter.isOver) {
      for await (const batch of this.#consumer.batches()) {
        this.#count(batch, counter);
        if (this.endsByItself && counter.isOver) break;
      }
      await this.#consumer.close();
      if (!counter.isOver) this.#consumer = this.#newConsumer();
    }
  }

  /** Ends the connections, and with them a `run` that waits for records. */
  async close(): Promise<void> {
    await this.#client.close();
  }

  #newConsumer(): Consumer {
    const { from, topic } = this.#job;
    return this.#client.consumer({ topic, from, exitAtEnd: from === "earliest" });
  }

  #count(batch: ConsumedBatch, counter: LoadCounter): void {
    const nowUs = sharedUs();
    if (this.#job.timesRecords) {
      for (const { value } of batch) {
        if (value === undefined || value.length < stampBytes) continue;
        const view = new DataView(value.buffer, value.byteOffset, stampBytes);
        counter.time("endToEnd", view.getFloat64(0, true), nowUs);
      }
    } else if (this.#job.decodes) {
      for (const { value } of batch) if (value === undefined) counter.failedRecords++;
    }
    counter.add(batch.recordCount, batch.recordCount * this.#job.recordBytes, 1);
  }
}
