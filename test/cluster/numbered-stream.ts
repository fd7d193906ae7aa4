import { createClient, type Producer } from "@ropewalk/client";
import { expect } from "vitest";
import { ropewalk } from "./run-command.ts";

/**
 * A stream of numbered records, dealt to the partitions of a topic in turn, so that anybody who reads
 * them can say which are missing, doubled or out of order.
 */
export class NumberedStream {
  readonly topic: string;
  readonly partitionCount: number;
  readonly recordCount: number;
  readonly #producer: Producer;
  readonly #client: ReturnType<typeof createClient>;
  #failed = 0;

  constructor(
    bootstrapServers: readonly string[],
    topic: string,
    partitionCount: number,
    recordCount: number,
  ) {
    this.topic = topic;
    this.partitionCount = partitionCount;
    this.recordCount = recordCount;
    this.#client = createClient({ bootstrapServers });
    this.#producer = this.#client.producer({
      onFailed: (_error, count) => (this.#failed += count),
    });
  }

  get acknowledgedCount(): number {
    return this.#producer.statistics.recordsAcknowledged;
  }

  /** Sends everything as fast as it goes; resolves when all is acknowledged, and fails where it is not. */
  async run(): Promise<void> {
    for (let number = 0; number < this.recordCount; number += 1) {
      const value = Buffer.from(`record ${number} `.padEnd(100, "."));
      const partition = number % this.partitionCount;
      if (!this.#producer.write({ topic: this.topic, partition, value })) {
        await this.#producer.ready();
      }
    }
    await this.#producer.flush();
    expect(this.#failed).toBe(0);
    expect(this.acknowledgedCount).toBe(this.recordCount);
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
    expect(seen).toBe(this.recordCount);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}
