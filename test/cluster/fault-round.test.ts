import { expect, test } from "vitest";
import { faultKinds } from "../faults/fault-kinds.ts";
import { faultRound } from "../faults/fault-round.ts";
import { FaultScene } from "../faults/fault-scene.ts";
import { SeededRandom, testSeed } from "./seeded-random.ts";

/** A sample; all kinds, and as many rounds as wanted, are `npm run test:faults`. */
const sample = ["leader-sends-only", "kill-all", "stalled-disk"];

test("a cluster under load keeps what it acknowledged through one fault after another", async () => {
  const seed = testSeed();
  console.log(`seed ${seed}: ROPEWALK_TEST_SEED=${seed} repeats the faults`);
  const kinds = faultKinds.filter(({ name }) => sample.includes(name));
  expect(kinds).toHaveLength(sample.length);
  await using scene = await FaultScene.start();
  scene.random = new SeededRandom(seed);
  for (const kind of kinds) await faultRound(scene, kind, kind.name);
});
