import { expect, test } from "vitest";
import { NumberedStream } from "./numbered-stream.ts";
import { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { SeededRandom, testSeed } from "./seeded-random.ts";
import { waitFor } from "./wait-for.ts";

const partitionCount = 6;
const killCount = 20;
const progressMs = 60_000;
/** Records between two kills, at most; what fits into a second or two. */
const progressMax = 4000;

/** Kills and restarts brokers of a cluster while a stream goes on. Everything it does follows from the seed. */
class Reaper {
  readonly deeds: string[] = [];
  readonly #cluster: ProcessCluster;
  readonly #stream: NumberedStream;
  readonly #random: SeededRandom;

  constructor(cluster: ProcessCluster, stream: NumberedStream, random: SeededRandom) {
    this.#cluster = cluster;
    this.#stream = stream;
    this.#random = random;
  }

  async kill(times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) {
      const ids = this.#cluster.brokerIds;
      const all = this.#random.oneIn(6);
      const victims = all ? ids : ids.slice(this.#random.integer(ids.length)).slice(0, 1);
      await this.#progress();
      this.#note(`kill ${victims.join(", ")}`);
      await Promise.all(victims.map((id) => this.#cluster.kill(id)));
      // Two of three go on without the third; without any, there is nothing to wait for.
      if (!all && this.#random.oneIn(2)) await this.#progress();
      this.#note(`start ${victims.join(", ")}`);
      for (const id of victims) this.#cluster.spawn(id);
      // Half of the next kills come while it is still starting.
      if (this.#random.oneIn(2)) await this.#cluster.ready();
    }
  }

  /** Waits until some more records are acknowledged: how many decides at which moment the next kill comes. */
  async #progress(): Promise<void> {
    const count = this.#stream.acknowledgedCount + this.#random.integer(progressMax);
    await waitFor(
      () =>
        `${count} records are acknowledged, not ${this.#stream.acknowledgedCount}; ${this.#logs()}`,
      progressMs,
      () => this.#stream.acknowledgedCount >= count,
    );
  }

  #note(deed: string): void {
    this.deeds.push(`${deed} after ${this.#stream.acknowledgedCount}`);
  }

  #logs(): string {
    const tails = this.#cluster.brokerIds.map((id) => {
      return `broker ${id}:\n${this.#cluster.log(id).split("\n").slice(-20).join("\n")}`;
    });
    return `${this.deeds.join("\n")}\n${tails.join("\n")}`;
  }
}

test("brokers that are killed at any moment lose, double and reorder no acknowledged record", async () => {
  const seed = testSeed();
  console.log(`seed ${seed}: ROPEWALK_TEST_SEED=${seed} repeats the kills`);
  await using cluster = await ProcessCluster.start(3);
  const { bootstrapServers } = cluster;
  const args = ["topic", "create", "stream", "-p", String(partitionCount), "-r", "3"];
  expect(await ropewalk(args, { bootstrapServers })).toMatchObject({ status: 0, stderr: "" });
  await using stream = new NumberedStream(bootstrapServers, "stream", partitionCount);
  const reaper = new Reaper(cluster, stream, new SeededRandom(seed));
  const running = stream.run();
  running.catch(() => undefined); // It is awaited below, unless something else fails first.
  try {
    await reaper.kill(killCount);
  } finally {
    stream.stop();
  }
  await cluster.ready();
  await running;
  expect(stream.recordCount).toBeGreaterThan(killCount);
  await stream.expectWhole(bootstrapServers);
}, 300_000);
