import { expect, test } from "vitest";
import { Pipe } from "./pipe.ts";
import { EventLoop } from "./event-loop.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SimulatedLinks } from "./simulated-links.ts";
import { SimulatedProcess } from "./simulated-process.ts";

test("Pipe says that it has drained to whoever was told to wait, also where something small was sent meanwhile", async () => {
  const loop = new EventLoop();
  const quality = {
    latencyMsMin: 1,
    latencyMsMax: 1,
    lossProbability: 0,
    resendMs: 0,
    bytesPerMs: 1000,
  };
  const links = new SimulatedLinks(loop, new SeededRandom("pipe"), quality);
  const [from, to] = [new SimulatedProcess(loop, "a"), new SimulatedProcess(loop, "b")];
  let [received, drainedCount] = [0, 0];
  const pipe = new Pipe<number>(
    { links, from, to },
    () => received++,
    () => drainedCount++,
  );
  const half = 150 * 1024;
  expect([pipe.send(1, half), pipe.send(2, half)]).toEqual([true, false]);
  await loop.runUntil(() => received === 1, 10_000);
  expect(pipe.send(3, 10)).toBe(false);
  await loop.runUntil(() => received === 3, 10_000);
  await loop.runUntil(() => drainedCount > 0, 20_000);
  expect(drainedCount).toBe(1);
  expect(pipe.send(4, 10)).toBe(true);
});
