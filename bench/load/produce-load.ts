import { setImmediate as nextTurn } from "node:timers/promises";
import { type BatchAcknowledgement, createClient, type Producer } from "@ropewalk/client";
import type { ProduceJob } from "./load-job.ts";
import type { LoadCounter } from "./load-counter.ts";
import { type DueRecord, OpenLoop } from "./open-loop.ts";
import { sharedUs } from "./shared-clock.ts";

/** Records of a closed loop between two turns of the event loop. */
const recordsPerTurn = 1000;
/** The buffer of all producers together: the client's default for one. */
const bufferBytes = 32 * 1024 * 1024;
const bufferBytesMin = 1024 * 1024;
/** Records outstanding with `send` and `unbatched`, over all producers: a buffer full of tiny batches would be measured instead. */
const recordsOutstanding = 10_000;
/** How long it is waited for records that are not acknowledged at the end. */
const closeMs = 10_000;

type Client = ReturnType<typeof createClient>;

/** Producers with a client of their own each, so with connections of their own. */
export class ProduceLoad {
  readonly #job: ProduceJob;
  readonly #clients: readonly Client[];
  readonly #value: Buffer;
  #counter: LoadCounter | undefined;

  constructor(job: ProduceJob) {
    this.#job = job;
    this.#clients = Array.from({ length: job.producerCount }, () =>
      createClient({ bootstrapServers: job.bootstrapServers, clientId: "ropewalk-bench" }),
    );
    this.#value = sampleValue(job.recordBytes);
  }

  /** Connects. */
  async prepare(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.admin().describeTopic(this.#job.topic)));
  }

  /** Writes until the schedule ends. */
  async run(counter: LoadCounter): Promise<void> {
    this.#counter = counter;
    const producers = this.#clients.map((client) => this.#producer(client));
    const { api, pace } = this.#job;
    if (pace !== undefined) {
      const loop = new OpenLoop(pace.recordsPerSecond, counter);
      await loop.run((record) => this.#writeDue(producers, record, counter));
    } else if (api === "send" || api === "one-by-one") {
      const outstanding = api === "send" ? Math.ceil(recordsOutstanding / producers.length) : 1;
      const lanes = producers.flatMap((it) => Array.from({ length: outstanding }, () => it));
      await Promise.all(lanes.map((producer) => this.#sendLoop(producer, counter)));
    } else await Promise.all(producers.map((producer) => this.#writeLoop(producer, counter)));
    await Promise.all(producers.map((producer) => producer.close({ timeoutMs: closeMs })));
  }

  /** Whether `run` ends soon after the schedule. */
  readonly endsByItself: boolean = true;

  /** Ends the connections. */
  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  #producer(client: Client): Producer {
    const { acks, api, batchBytesMax, lingerMs, producerCount } = this.#job;
    const unbatched = api === "unbatched";
    const allBytes = unbatched ? recordsOutstanding * this.#job.recordBytes : bufferBytes;
    const bytesMin = unbatched ? 1 : bufferBytesMin;
    return client.producer({
      acks,
      batchBytesMax: unbatched ? 1 : batchBytesMax,
      lingerMs: unbatched ? 0 : lingerMs,
      bufferBytesMax: Math.max(bytesMin, Math.floor(allBytes / producerCount)),
      onAcknowledged: (acknowledgement) => this.#onAcknowledged(acknowledgement),
      onFailed: (_, recordCount) => {
        if (this.#counter !== undefined) this.#counter.failedRecords += recordCount;
      },
    });
  }

  async #writeLoop(producer: Producer, counter: LoadCounter): Promise<void> {
    const record = { topic: this.#job.topic, value: this.#value };
    while (!counter.isOver) {
      let hasRoom = true;
      for (let i = 0; i < recordsPerTurn && hasRoom; i++) hasRoom = producer.write(record);
      await (hasRoom ? nextTurn() : producer.ready());
    }
  }

  async #sendLoop(producer: Producer, counter: LoadCounter): Promise<void> {
    const record = { topic: this.#job.topic, value: this.#value };
    while (!counter.isOver) {
      await producer.send(record).catch(() => undefined); // `onFailed` counts it.
    }
  }

  /** A record of those that are timed has a promise; the others are cheaper. */
  #writeDue(producers: readonly Producer[], due: DueRecord, counter: LoadCounter): boolean {
    const { dueUs, isTimed, tick } = due;
    const producer = producers[tick % producers.length];
    const count = this.#job.pace?.partitionCount;
    const partition = count === undefined ? undefined : tick % count;
    this.#value.writeDoubleLE(dueUs, 0);
    const record = { topic: this.#job.topic, value: this.#value, partition };
    if (producer === undefined) return false;
    if (!isTimed) return producer.write(record);
    // It may wait for room, and the next record has other bytes.
    producer.send({ ...record, value: Buffer.from(this.#value) }).then(
      () => counter.time("acknowledged", dueUs, sharedUs()),
      () => undefined, // `onFailed` counts it.
    );
    return true;
  }

  #onAcknowledged({ recordCount }: BatchAcknowledgement): void {
    this.#counter?.add(recordCount, recordCount * this.#job.recordBytes, 1);
  }
}

/** Bytes that do not compress to nothing, the same in every run. */
function sampleValue(bytes: number): Buffer {
  const value = Buffer.alloc(bytes);
  let state = 0x2545f491;
  for (let i = 0; i < bytes; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    value[i] = state >>> 24;
  }
  return value;
}
