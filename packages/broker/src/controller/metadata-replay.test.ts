import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { metadataReplayed } from "./metadata-replay.ts";

function replayOf(commit: number) {
  const clock = new SimulatedClock();
  const state = { appliedIndex: 0, fault: undefined as string | undefined, isOver: false };
  const lines: string[] = [];
  const logger = {
    debug: () => undefined,
    info: (message: string) => lines.push(message),
    warn: (message: string) => lines.push(message),
    error: () => undefined,
    child: () => logger,
  };
  const { appliedIndex, fault } = {
    appliedIndex: () => state.appliedIndex,
    fault: () => state.fault,
  };
  void metadataReplayed({ clock, logger, commit, appliedIndex, fault }).then(
    () => (state.isOver = true),
  );
  return { clock, lines, state };
}

test("metadataReplayed() waits for a slow disk as long as it takes, and says so now and then", async () => {
  const { clock, lines, state } = replayOf(100);
  await clock.run(10_000);
  state.appliedIndex = 99;
  await clock.run(10_000);
  expect(state.isOver).toBe(false);
  expect(lines).toEqual(Array.from({ length: 6 }, () => "replicas wait for the metadata"));
  state.appliedIndex = 100;
  await clock.run(10);
  expect(state.isOver).toBe(true);
});

test("metadataReplayed() goes on with what there is where the log cannot be read to its end", async () => {
  const { clock, lines, state } = replayOf(100);
  state.appliedIndex = 50;
  await clock.run(100);
  expect(state.isOver).toBe(false);
  state.fault = "its log is damaged";
  await clock.run(10);
  expect(state.isOver).toBe(true);
  expect(lines).toEqual(["replicas start with older metadata"]);
});

test("metadataReplayed() resolves at once where everything was applied", async () => {
  const { clock, lines, state } = replayOf(0);
  await clock.run(0);
  expect({ isOver: state.isOver, lines }).toEqual({ isOver: true, lines: [] });
});
