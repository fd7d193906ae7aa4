import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SeededRandom, testSeed } from "../cluster/seeded-random.ts";
import { faultKinds } from "./fault-kinds.ts";
import { faultRound } from "./fault-round.ts";
import { FaultScene } from "./fault-scene.ts";

/*
 * `npm run test:faults -- --rounds N --seed S --kinds NAME,NAME`: so many rounds of every kind, a cluster for each kind.
 * A round is replayed by its own seed: with --rounds 1 --seed and the kind it gives the same deeds, as far as
 * moments are decided here.
 */

const roundCount = Number(process.env["ROPEWALK_FAULT_ROUNDS"] ?? 1);
const named = process.env["ROPEWALK_FAULT_KINDS"]?.split(",") ?? [];
const seed = testSeed();
const roundMsMax = 240_000;

const chosen = faultKinds.filter(({ name }) => named.length === 0 || named.includes(name));
const unknown = named.filter((name) => !faultKinds.some((kind) => kind.name === name));

test("every kind that was named exists", () => expect(unknown).toEqual([]));

describe.each(chosen)("a cluster of three under load: $name", (kind) => {
  const obstacle = kind.obstacle?.();
  if (obstacle !== undefined) console.warn(`${kind.name} is skipped: ${obstacle}.`);
  let scene: FaultScene;

  beforeAll(async () => {
    if (obstacle === undefined)
      scene = await FaultScene.start({
        brokerCount: kind.brokerCount,
        hasVolumes: kind.needsVolumes,
      });
  }, roundMsMax);

  afterAll(async () => scene?.[Symbol.asyncDispose](), roundMsMax);

  const rounds = Array.from({ length: roundCount }, (_, round) => ({
    round,
    roundSeed: seed + round,
  }));

  test.skipIf(obstacle !== undefined).each(rounds)(
    "keeps what it acknowledged, in order and once, on all replicas (seed $roundSeed)",
    { timeout: roundMsMax },
    async ({ round, roundSeed }) => {
      scene.random = new SeededRandom(roundSeed);
      const startMs = performance.now();
      await faultRound(scene, kind, `round-${round}`);
      const tookMs = Math.round(performance.now() - startMs);
      console.log(`${kind.name}, seed ${roundSeed}, ${tookMs} ms: ${scene.deeds.join("; ")}`);
    },
  );
});
