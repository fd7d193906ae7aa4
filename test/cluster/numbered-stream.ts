import { setTimeout as delay } from "node:timers/promises";
import { createClient, type Producer } from "@ropewalk/client";
import { expect } from "vitest";
import { ropewalk } from "./run-command.ts";

/** A stream without an end pauses after so many records, so that what it wrote can still be read back. */
const recordsPerPause = 100;
const pauseMs = 10;

/**
 * A stream of numbered records, dealt to the partitions of a topic in turn, so that anybody who reads
 * them can say which are missing, doubled or out of order.
 */
export class NumberedStream {
  readonly topic: string;
  readonly partitionCount: number;
  readonly #recordCountMax: number;
  readonly #producer: Producer;
  readonly #client: ReturnType<typeof createClient>;
  #writtenCount = 0;
  #stopped = false;
  #failed = 0;
  #failure: Error | undefined;

  constructor(
    bootstrapServers: readonly string[],
    topic: string,
    partitionCount: number,
    recordCountMax: number = Number.POSITIVE_INFINITY,
  ) {
    this.topic = topic;
    this.partitionCount = partitionCount;
    this.#recordCountMax = recordCountMax;
    this.#client = createClient({ bootstrapServers });
    this.#producer = this.#client.producer({
      onFailed: (error: Error, count: number) => {
        this.#failure ??= error;
        this.#failed += count;
      },
    });
  }

  get acknowledgedCount(): number {
    return this.#producer.statistics.recordsAcknowledged;
  }

  /** Records written so far. */
  get recordCount(): number {
    return this.#writtenCount;
  }

  /** Lets `run` end with the record at hand. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Sends everything, as fast as it goes where the stream has an end. Resolves when all is acknowledged;
   * rejects where a record is not.
   */
  async run(): Promise<void> {
    while (this.#writtenCount < this.#recordCountMax && !this.#stopped) {
      const number = this.#writtenCount;
      const value = Buffer.from(`record ${number} `.padEnd(100, "."));
      const partition = number % this.partitionCount;
      this.#writtenCount += 1;
      if (!this.#producer.write({ topic: this.topic, partition, value })) {
        await this.#producer.ready();
      }
      const isEndless = !Number.isFinite(this.#recordCountMax);
      if (isEndless && this.#writtenCount % recordsPerPause === 0) await delay(pauseMs);
    }
    await this.#producer.flush();
    expect({ failed: this.#failed, failure: this.#failure }).toEqual({ failed: 0 });
    expect(this.acknowledgedCount).toBe(this.#writtenCount);
  }

  /** Reads the topic with the command line and expects every record once, in order in its partition. */
  async expectWhole(bootstrapServers: readonly string[]): Promise<void> {
    const args = ["consume", this.topic, "--from-beginning", "-e", "-f", "%p %o %s\\n"];
    const { status, stdout, stderr } = await ropewalk(args, { bootstrapServers });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const next = Array.from({ length: this.partitionCount }, (_, partition) => partition);
    const offsets = next.map(() => 0);
    let seen = 0;
    for (const line of stdout.toString().trimEnd().split("\n")) {
      const [partition = -1, offset, number] = line.replace("record ", "").split(" ").map(Number);
      if (number !== next[partition] || offset !== offsets[partition]) {
        expect.fail(
          `partition ${partition}: got ${line}, expected record ${next[partition]} at offset ${offsets[partition]}`,
        );
      }
      next[partition] = (next[partition] ?? 0) + this.partitionCount;
      offsets[partition] = (offsets[partition] ?? 0) + 1;
      seen += 1;
    }
    expect(seen).toBe(this.#writtenCount);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}
