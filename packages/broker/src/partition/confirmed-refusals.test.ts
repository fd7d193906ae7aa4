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

test("ConfirmedRefusals.confirm() waits for one entry, which serves all that wait", () => {
  const { ask, listeners, told } = scene();
  ask();
  ask();
  expect([listeners.length, told]).toEqual([1, []]);
  listeners[0]?.committed(1);
  expect(told).toEqual(["leads", "leads"]);
  ask();
  listeners[1]?.failed("unknown");
  expect(told).toEqual(["leads", "leads", "deposed"]);
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
