import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { SeededRandom } from "../../packages/log/fakes/seeded-random.ts";
import { NumberedStream } from "../cluster/numbered-stream.ts";
import { ProcessCluster } from "../cluster/process-cluster.ts";
import { ropewalk } from "../cluster/run-command.ts";
import { waitFor } from "../cluster/wait-for.ts";
import { freezeProcess } from "./freeze-process.ts";
import { LoopVolume } from "./loop-volume.ts";
import { buildPowerSwitch, powerCutObstacle } from "./power-supply.ts";

const partitionCount = 6;
const recordsPerCut = 60_000;
const cutsWanted = Number(process.env["ROPEWALK_POWERCUT_CLUSTER_CUTS"] ?? 2);
const seed = Number(process.env["ROPEWALK_POWERCUT_SEED"] ?? Date.now() % 2 ** 31);
const progressMs = 60_000;
const extraMsMax = 100;
const cutMsMax = 90_000;

const obstacle = powerCutObstacle();
if (obstacle !== undefined) console.warn(`Power cuts are skipped: ${obstacle}.`);

/** Three brokers, each on a file system of its own, and the one switch for all of them. */
class PoweredCluster implements AsyncDisposable {
  readonly cluster: ProcessCluster;
  readonly #directory: string;
  readonly #volumes: readonly LoopVolume[];
  #processes: readonly ChildProcess[] = [];

  private constructor(cluster: ProcessCluster, directory: string, volumes: readonly LoopVolume[]) {
    this.cluster = cluster;
    this.#directory = directory;
    this.#volumes = volumes;
  }

  static async start(): Promise<PoweredCluster> {
    const cluster = await ProcessCluster.prepare(3);
    const directory = mkdtempSync(join(tmpdir(), "ropewalk-powercut-"));
    const volumes: LoopVolume[] = [];
    const powered = new PoweredCluster(cluster, directory, volumes);
    try {
      const powerSwitch = buildPowerSwitch(directory);
      for (const id of cluster.brokerIds) {
        const fileSystem = id % 2 === 1 ? "ext4" : "xfs";
        const imagePath = join(directory, `${id}.img`);
        const mountPoint = cluster.dataDirectory(id);
        volumes.push(LoopVolume.create({ fileSystem, imagePath, mountPoint, powerSwitch }));
      }
      await powered.#startBrokers();
    } catch (error) {
      await powered[Symbol.asyncDispose]();
      throw error;
    }
    return powered;
  }

  /**
   * Nobody answers a client any more, nothing reaches a disk any more, and the processes are gone. In
   * this order: a sync that overlaps with the shutdown of a file system may be called done and be lost.
   */
  async cutPower(): Promise<void> {
    await Promise.all(this.#processes.map(freezeProcess));
    for (const volume of this.#volumes) volume.cutPower();
    await Promise.all(this.cluster.brokerIds.map((id) => this.cluster.kill(id)));
  }

  async restorePower(): Promise<void> {
    for (const volume of this.#volumes) {
      volume.unmount();
      volume.mount();
    }
    await this.#startBrokers();
  }

  async #startBrokers(): Promise<void> {
    this.#processes = this.cluster.brokerIds.map((id) => this.cluster.spawn(id));
    await this.cluster.ready();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.cluster.brokerIds.map((id) => this.cluster.kill(id)));
    for (const volume of this.#volumes) volume[Symbol.dispose]();
    await this.cluster[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

describe.skipIf(obstacle !== undefined)("a cluster whose power is cut", () => {
  test(
    "has every acknowledged record once and in order after all brokers lost their power at once",
    async () => {
      console.log(`ROPEWALK_POWERCUT_SEED=${seed} ROPEWALK_POWERCUT_CLUSTER_CUTS=${cutsWanted}`);
      const random = new SeededRandom(seed);
      await using powered = await PoweredCluster.start();
      const { bootstrapServers } = powered.cluster;
      const args = ["topic", "create", "stream", "-p", String(partitionCount), "-r", "3"];
      expect((await ropewalk(args, { bootstrapServers })).stderr).toBe("");
      const recordCount = recordsPerCut * (cutsWanted + 1);
      await using stream = new NumberedStream(
        bootstrapServers,
        "stream",
        partitionCount,
        recordCount,
      );
      const running = stream.run();
      // A failure of the stream is told at the end, not while nobody listens.
      running.catch(() => undefined);
      for (let cut = 1; cut <= cutsWanted; cut++) {
        const progress = recordsPerCut * (cut - 1) + random.integer(recordsPerCut);
        await waitFor(`${progress} records are acknowledged`, progressMs, () => {
          return stream.acknowledgedCount >= progress;
        });
        await delay(random.integer(extraMsMax));
        await powered.cutPower();
        console.log(`cut ${cut}: ${stream.acknowledgedCount} of ${recordCount} acknowledged`);
        expect(stream.acknowledgedCount).toBeLessThan(recordCount);
        await powered.restorePower();
      }
      await running;
      await stream.expectWhole(bootstrapServers);
    },
    (cutsWanted + 1) * cutMsMax,
  );
});
