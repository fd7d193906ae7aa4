import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildBrokerImage } from "./broker-image.ts";
import { ContainerEngine } from "./container-engine.ts";
import { eventually } from "./deadline.ts";
import { DEPLOY_DIRECTORY, kubectlMissing, renderKustomization } from "./kubectl.ts";
import { parseManifests } from "./manifest.ts";
import { StatefulSetRunner } from "./stateful-set-runner.ts";

const IMAGE_NAME = "localhost/ropewalk";
const IMAGE_TAG = "test";
const READY_DEADLINE_MS = 90_000;

const missing = kubectlMissing() ?? ContainerEngine.missing();
const suite = missing === undefined ? describe : describe.skip;

suite(`three brokers in containers${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  const directory = mkdtempSync(join(tmpdir(), "ropewalk-deploy-"));
  let engine: ContainerEngine;
  let brokers: StatefulSetRunner;

  beforeAll(async () => {
    engine = new ContainerEngine(join(directory, "containers"));
    await buildBrokerImage(engine, directory, `${IMAGE_NAME}:${IMAGE_TAG}`);
    brokers = new StatefulSetRunner(engine, join(directory, "volumes"), renderOverlay(directory));
    await brokers.createNetwork();
  });

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  test("a broker that starts alone lives, waits for the others and is not ready", async () => {
    await brokers.startPod(2);
    await eventually("broker 3 is alive", READY_DEADLINE_MS, () =>
      brokers.probe(2, "livenessProbe"),
    );
    expect(await brokers.probe(2, "readinessProbe")).toBe(false);
    expect(await brokers.podState(2)).toMatchObject({ running: true });
  });
});

/** The dev overlay as a user would adapt it to an image of their own. */
function renderOverlay(directory: string): ReturnType<typeof parseManifests> {
  const overlay = join(directory, "overlay");
  mkdirSync(overlay);
  const base = relative(overlay, join(DEPLOY_DIRECTORY, "overlays/dev"));
  const kustomization = {
    resources: [base],
    images: [{ name: "ropewalk", newName: IMAGE_NAME, newTag: IMAGE_TAG }],
  };
  writeFileSync(join(overlay, "kustomization.yaml"), JSON.stringify(kustomization));
  return parseManifests(renderKustomization(overlay));
}
