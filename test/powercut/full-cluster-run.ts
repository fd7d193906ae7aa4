import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@ropewalk/client";
import { RopewalkError } from "@ropewalk/protocol";
import type { SeededRandom } from "../../packages/log/fakes/seeded-random.ts";
import { NumberedStream } from "../cluster/numbered-stream.ts";
import type { ProcessCluster } from "../cluster/process-cluster.ts";
import { ropewalk } from "../cluster/run-command.ts";
import { waitFor } from "../cluster/wait-for.ts";
import type { Ballast } from "./ballast.ts";

const partitionCount = 3;
const valueBytes = 64 * 1024;
const fillingMsMax = 60_000;
const resumingMsMax = 60_000;
/** A batch that is refused for so long is given up by the producer, which then says why. */
const deliveryTimeoutMs = 1500;
/** Less than what a message to the followers takes at most, so that nothing is refused for its size. */
const batchBytesMax = 256 * 1024;

/** Three brokers on small disks, streams that must come through whole, and topics that fill the disks. */
export class FullClusterRun {
  readonly figures = { rounds: 0, refused: 0, cuts: 0, deletedTopics: 0, noRoomAtAll: 0 };
  resumedMsMax = 0;
  readonly #cluster: ProcessCluster;
  readonly #processes: readonly ChildProcess[];
  readonly #ballasts: readonly Ballast[];
  readonly #random: SeededRandom;

  constructor(
    cluster: ProcessCluster,
    processes: readonly ChildProcess[],
    ballasts: readonly Ballast[],
    random: SeededRandom,
  ) {
    this.#cluster = cluster;
    this.#processes = processes;
    this.#ballasts = ballasts;
    this.#random = random;
  }

  /** A stream through a disk that gets full, is full and has room again: every record once, in order. */
  async round(): Promise<void> {
    const number = ++this.figures.rounds;
    const { bootstrapServers } = this.#cluster;
    const name = `stream-${number}`;
    await this.#command(["topic", "create", name, "-p", String(partitionCount), "-r", "3"]);
    await using stream = new NumberedStream(bootstrapServers, name, partitionCount);
    const running = stream.run();
    running.catch(() => undefined); // Told at the end.
    await this.#fillAndRecover(`filling-${number}`, stream);
    stream.stop();
    await running;
    await stream.expectWhole(bootstrapServers);
    await this.#command(["topic", "delete", name]);
    this.#expectAlive();
  }

  async #fillAndRecover(topic: string, stream: NumberedStream): Promise<void> {
    await this.#command(["topic", "create", topic, "-p", String(partitionCount), "-r", "3"]);
    const refusal = await this.#fill(topic);
    assert(refusal.retriable, `${refusal.code} is retriable`);
    assert.match(refusal.message, /disk of its leader is full/);
    this.figures.refused += 1;
    if (this.#random.chance(50)) {
      this.figures.noRoomAtAll += 1;
      await Promise.all(this.#ballasts.map((ballast) => ballast.fill()));
    }
    await this.#readOn(stream);
    const acknowledgedBefore = stream.acknowledgedCount;
    await this.#makeRoom(topic);
    // What is deleted is deleted; the files go when there is room to say so.
    for (const ballast of this.#ballasts) ballast.remove();
    await this.#expectResumed(stream, acknowledgedBefore);
  }

  /** Writes until a broker refuses for want of room; answers the refusal. */
  async #fill(topic: string): Promise<RopewalkError> {
    const value = Buffer.alloc(valueBytes, this.#random.integer(256));
    const { bootstrapServers } = this.#cluster;
    await using client = createClient({ bootstrapServers });
    let refusal: RopewalkError | undefined;
    const producer = client.producer({
      deliveryTimeoutMs,
      batchBytesMax,
      onFailed: (error) => {
        const { cause } = error;
        if (cause instanceof RopewalkError && cause.code === "BUSY") refusal ??= cause;
      },
    });
    const endMs = performance.now() + fillingMsMax;
    for (let number = 0; refusal === undefined; number++) {
      assert(performance.now() < endMs, "the disks are full in time");
      if (!producer.write({ topic, partition: number % partitionCount, value })) {
        await producer.ready();
      }
    }
    return refusal;
  }

  async #readOn({ acknowledgedCount, topic }: NumberedStream): Promise<void> {
    const args = ["consume", topic, "--from-beginning", "-e", "-f", "%o\\n"];
    const read = (await this.#command(args)).trimEnd().split("\n").length;
    assert(read >= acknowledgedCount, `${read} of ${acknowledgedCount} records were read`);
  }

  async #makeRoom(topic: string): Promise<void> {
    if (this.#random.chance(50)) {
      await this.#command(["topic", "delete", topic]);
      this.figures.deletedTopics += 1;
      return;
    }
    for (let partition = 0; partition < partitionCount; partition++) {
      const which = ["-p", String(partition), "--before", "end"];
      await this.#command(["topic", "delete-records", topic, ...which]);
      this.figures.cuts += 1;
    }
  }

  async #expectResumed(stream: NumberedStream, acknowledgedBefore: number): Promise<void> {
    const startMs = performance.now();
    const wanted = Math.max(acknowledgedBefore, stream.acknowledgedCount) + 100;
    const told = (): string => `records are taken again; ${this.#lastLines()}`;
    await waitFor(told, resumingMsMax, () => stream.acknowledgedCount >= wanted);
    this.resumedMsMax = Math.max(this.resumedMsMax, Math.round(performance.now() - startMs));
  }

  #expectAlive(): void {
    for (const { exitCode, signalCode } of this.#processes) {
      assert.deepEqual({ exitCode, signalCode }, { exitCode: null, signalCode: null });
    }
    for (const id of this.#cluster.brokerIds) {
      assert.doesNotMatch(this.#cluster.log(id), /journal failed|stays out|STORAGE_FAILED/);
    }
  }

  #lastLines(): string {
    const { brokerIds } = this.#cluster;
    return brokerIds.map((id) => this.#cluster.log(id).split("\n").slice(-5).join("\n")).join("\n");
  }

  /** Runs a command that must succeed; a broker that is busy is asked again. */
  async #command(args: readonly string[]): Promise<string> {
    const { bootstrapServers } = this.#cluster;
    for (let attempt = 1; ; attempt++) {
      const { status, stderr, stdout } = await ropewalk(args, { bootstrapServers });
      if (status === 0) return stdout.toString();
      const told = `${args.join(" ")}: ${stderr}; ${this.#lastLines()}`;
      assert(attempt < 5 && /busy|timed? ?out/i.test(stderr), told);
      await delay(500);
    }
  }
}
