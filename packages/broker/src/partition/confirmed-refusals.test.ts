import { expect, test } from "vitest";
import type { Proposed } from "../raft/raft-group.ts";
import type { ProposalListener } from "../raft/state-machine.ts";
import { ConfirmedRefusals } from "./confirmed-refusals.ts";

function scene(kind: Proposed["kind"] = "appended") {
  const listeners: ProposalListener[] = [];
  const told: string[] = [];
  const refusals = new ConfirmedRefusals((listener) => {
    listeners.push(listener);
    return kind;
  });
  return { listeners, told, ask: () => refusals.confirm((standing) => void told.push(standing)) };
}

test("ConfirmedRefusals.confirm() waits for an entry that was proposed since, which serves all that wait", () => {
  const { ask, listeners, told } = scene();
  ask();
  ask();
  ask();
  expect([listeners.length, told]).toEqual([1, []]);
  // What acknowledged the first entry may have done so before the others asked.
  listeners[0]?.committed(1);
  expect([listeners.length, told]).toEqual([2, ["leads"]]);
  listeners[1]?.failed("unknown");
  expect([listeners.length, told]).toEqual([2, ["leads", "deposed", "deposed"]]);
  ask();
  expect(listeners.length).toBe(3);
});

test("ConfirmedRefusals.confirm() says at once where nothing can be proposed", () => {
  const busy = scene("busy");
  busy.ask();
  busy.ask();
  expect(busy.told).toEqual(["busy", "busy"]);
  const deposed = scene("notLeading");
  deposed.ask();
  expect(deposed.told).toEqual(["deposed"]);
});
