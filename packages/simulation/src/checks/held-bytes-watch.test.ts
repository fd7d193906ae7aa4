import type { HeldBytes } from "@ropewalk/broker";
import { expect, test } from "vitest";
import type { SimulatedCluster } from "../simulated-cluster.ts";
import { EventLoop } from "../world/event-loop.ts";
import type { Anomaly } from "./anomaly.ts";
import { HeldBytesWatch } from "./held-bytes-watch.ts";

class Scene {
  readonly loop = new EventLoop();
  readonly found: Anomaly[] = [];
  readonly watch: HeldBytesWatch;
  held: HeldBytes[] = [];

  constructor() {
    const broker = { heldBytes: () => this.held };
    const machines = [{ host: "broker-1", process: { isAlive: true }, broker }];
    const cluster = { machines } as unknown as SimulatedCluster;
    this.watch = new HeldBytesWatch(this.loop, cluster, (anomaly) => this.found.push(anomaly));
  }

  hold(bytes: number): void {
    this.held = [{ purpose: "batches", bytes, bytesMax: 1000 }];
  }

  async pass(ms: number): Promise<void> {
    await this.loop.runUntil(() => false, this.loop.nowMs + ms);
  }
}

test("HeldBytesWatch finds what grows beyond its bound by more than a message", async () => {
  const scene = new Scene();
  scene.hold(2000);
  scene.watch.start();
  await scene.pass(1000);
  expect(scene.found).toEqual([]);
  scene.hold(200_000);
  await scene.pass(1000);
  expect(scene.found).toMatchObject([{ kind: "unbounded queue" }]);
});

test("HeldBytesWatch.expectReleased() waits until nothing is held, and tells what stays", async () => {
  const scene = new Scene();
  scene.hold(1);
  let left: readonly string[] | undefined;
  void scene.watch.expectReleased().then((found) => (left = found));
  await scene.pass(100);
  expect(left).toBeUndefined();
  scene.hold(0);
  await scene.pass(100);
  expect(left).toEqual([]);

  scene.hold(1);
  void scene.watch.expectReleased().then((found) => (left = found));
  await scene.pass(10_000);
  expect(left).toEqual([
    "leak: broker-1: batches: 1 bytes, of 1000 that it may hold, and no client is there",
  ]);
});
