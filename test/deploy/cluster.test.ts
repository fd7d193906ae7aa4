import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { buildBrokerImage } from "./broker-image.ts";
import { ContainerEngine } from "./container-engine.ts";
import { describeUnless } from "./describe-unless.ts";
import { eventually } from "./deadline.ts";
import { DEPLOY_DIRECTORY, kubectlMissing, renderKustomization } from "./kubectl.ts";
import { type Manifest, parseManifests } from "./manifest.ts";
import { type ProbeName, StatefulSetRunner } from "./stateful-set-runner.ts";

const IMAGE_NAME = "localhost/ropewalk";
const IMAGE_TAG = "test";
const READY_DEADLINE_MS = 60_000;
const RECORDS_PER_STEP = 1000;
const LOG_LINES_SHOWN = 40;

const ordinals = [0, 1, 2];
const missing = kubectlMissing() ?? ContainerEngine.missing();

// One story told in steps: each test goes on where the one before it stopped.
describeUnless(missing)("three brokers in containers", () => {
  let directory: string;
  let engine: ContainerEngine;
  let brokers: StatefulSetRunner;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "ropewalk-deploy-"));
    engine = new ContainerEngine(join(directory, "containers"));
    await buildBrokerImage(engine, directory, `${IMAGE_NAME}:${IMAGE_TAG}`);
    brokers = new StatefulSetRunner(engine, directory, renderOverlay(directory));
    await brokers.createNetwork();
  });

  afterEach(async ({ task }) => {
    if (task.result?.state !== "fail") return;
    for (const ordinal of ordinals) await showPod(brokers, ordinal);
  });

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  test("a broker whose peers have no names yet lives, and is not ready", async () => {
    await brokers.startPod(2);
    await passes(brokers, 2, "startupProbe");
    expect(await brokers.probe(2, "livenessProbe")).toBe(true);
    expect(await brokers.probe(2, "readinessProbe")).toBe(false);
  });

  test("brokers that start in any order become ready", async () => {
    await brokers.startPod(1);
    await brokers.startPod(0);
    for (const ordinal of ordinals) await passes(brokers, ordinal, "readinessProbe");
  });

  test("a client reaches the cluster through the bootstrap service", async () => {
    await brokers.runClient("", ["topic", "create", "orders", "--partitions", "3"]);
    await brokers.runClient(lines(0), ["produce", "orders"]);
    expect(await consumeAll(brokers)).toEqual(expected(1));
  });

  test("nothing is lost when one broker is killed, and the others take more", async () => {
    await brokers.killPod(0);
    expect(await consumeAll(brokers)).toEqual(expected(1));
    await brokers.runClient(lines(1), ["produce", "orders"]);
    expect(await consumeAll(brokers)).toEqual(expected(2));
  });

  test("the killed broker comes back with a new address on its old volume", async () => {
    await brokers.removePod(0);
    await brokers.startPod(0);
    await passes(brokers, 0, "readinessProbe");
    expect(await consumeAll(brokers)).toEqual(expected(2));
  });

  test("a rollout, highest ordinal first, loses nothing that is produced meanwhile", async () => {
    for (const [step, ordinal] of ordinals.toReversed().entries()) {
      const produced = brokers.runClient(lines(2 + step), ["produce", "orders"]);
      await Promise.all([produced, replacePod(brokers, ordinal)]);
    }
    expect(await consumeAll(brokers)).toEqual(expected(5));
  });

  test("SIGTERM to all at once stops every broker cleanly", async () => {
    const ends = await Promise.all(ordinals.map((ordinal) => brokers.stopPod(ordinal)));
    expect(ends).toEqual(ordinals.map(() => ({ running: false, exitCode: 0 })));
  });

  test("a cluster that was stopped as a whole starts again with all its records", async () => {
    await Promise.all(ordinals.map((ordinal) => brokers.removePod(ordinal)));
    await Promise.all(ordinals.map((ordinal) => brokers.startPod(ordinal)));
    for (const ordinal of ordinals) await passes(brokers, ordinal, "readinessProbe");
    expect(await consumeAll(brokers)).toEqual(expected(5));
  });
});

/** The dev overlay as a user would adapt it to an image of their own. */
function renderOverlay(directory: string): readonly Manifest[] {
  const overlay = join(directory, "overlay");
  mkdirSync(overlay);
  const kustomization = {
    resources: [relative(overlay, join(DEPLOY_DIRECTORY, "overlays/dev"))],
    images: [{ name: "ropewalk", newName: IMAGE_NAME, newTag: IMAGE_TAG }],
  };
  writeFileSync(join(overlay, "kustomization.yaml"), JSON.stringify(kustomization));
  return parseManifests(renderKustomization(overlay));
}

/** Waits for a probe to pass; a broker that ends meanwhile fails it at once. */
async function passes(
  brokers: StatefulSetRunner,
  ordinal: number,
  probe: ProbeName,
): Promise<void> {
  const what = `${probe} of ${brokers.podName(ordinal)}`;
  await eventually(what, READY_DEADLINE_MS, async () => {
    const state = await brokers.podState(ordinal);
    if (!state.running) throw new Error(`${what}: it ended with ${String(state.exitCode)}`);
    return await brokers.probe(ordinal, probe);
  });
}

/** What a rollout does to one pod: stops it, and makes a new one that becomes ready. */
async function replacePod(brokers: StatefulSetRunner, ordinal: number): Promise<void> {
  expect(await brokers.stopPod(ordinal)).toEqual({ running: false, exitCode: 0 });
  await brokers.removePod(ordinal);
  await brokers.startPod(ordinal);
  await passes(brokers, ordinal, "readinessProbe");
}

/** The input of one step: numbered lines. */
function lines(step: number): string {
  return numbered(step * RECORDS_PER_STEP, RECORDS_PER_STEP).join("\n");
}

/** What must be there after so many steps. */
function expected(steps: number): readonly string[] {
  return numbered(0, steps * RECORDS_PER_STEP);
}

function numbered(start: number, count: number): readonly string[] {
  return Array.from(
    { length: count },
    (_, index) => `order ${String(start + index).padStart(6, "0")}`,
  );
}

/** Every record of the topic, in the order of the numbers; a record that is there twice shows. */
async function consumeAll(brokers: StatefulSetRunner): Promise<readonly string[]> {
  const options = ["--from-beginning", "--exit-at-end"];
  const output = await brokers.runClient("", ["consume", "orders", ...options]);
  return output.trim().split("\n").toSorted();
}

async function showPod(brokers: StatefulSetRunner, ordinal: number): Promise<void> {
  const state = await brokers.podState(ordinal).catch(String);
  const logs = await brokers.podLogs(ordinal, LOG_LINES_SHOWN).catch(String);
  console.error(`${brokers.podName(ordinal)}: ${JSON.stringify(state)}\n${logs}`);
}
