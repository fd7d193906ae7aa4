import { expect, test } from "vitest";
import { SettledGate } from "./settled-gate.ts";

test("SettledGate.settled() waits for what is under way, and not for what comes later", async () => {
  const gate = new SettledGate();
  await gate.settled();
  const first = gate.enter();
  const second = gate.enter();
  let isSettled = false;
  const settled = gate.settled().then(() => (isSettled = true));
  const third = gate.enter();
  gate.leave(second);
  await Promise.resolve();
  expect(isSettled).toBe(false);
  gate.leave(first);
  await settled;
  gate.leave(third);
  await gate.settled();
});
