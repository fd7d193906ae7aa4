import { expect, test } from "vitest";
import { EMPTY_CONF_STATE } from "../conf-state.ts";
import { candidateDelayTicks } from "./candidate-order.ts";
import { resolveOptions } from "./multi-config.ts";

const conf = { ...EMPTY_CONF_STATE, voters: [1, 2, 3] };
const heartbeatTicks = 3;

/** The longest that a node waits in a group whose leader was node 1, which led so many. */
function longestDelay(nodeId: number, groupId: number, lostCount: number): number {
  const random = (bound: number): number => bound - 1;
  const options = resolveOptions({ nodeId, epoch: 1, random, electionTicks: 20, heartbeatTicks });
  return candidateDelayTicks(options, conf, groupId, 1, lostCount);
}

test("candidateDelayTicks() is no longer than a heartbeat for the first in turn, where few groups lost their leader", () => {
  expect(longestDelay(2, 10, 1)).toBe(heartbeatTicks);
  expect(longestDelay(2, 10, 128)).toBe(heartbeatTicks);
});

test("candidateDelayTicks() spreads the elections of many groups, up to half an election timeout", () => {
  expect(longestDelay(2, 10, 1_000)).toBe(heartbeatTicks + 7);
  expect(longestDelay(2, 10, 100_000)).toBe(heartbeatTicks + 9);
});

test("candidateDelayTicks() leaves the first in turn half an election timeout before the second, and its question a heartbeat", () => {
  const options = resolveOptions({
    nodeId: 2,
    epoch: 1,
    random: () => 0,
    electionTicks: 20,
    heartbeatTicks,
  });
  expect(candidateDelayTicks(options, conf, 11, 1, 1)).toBe(2 * heartbeatTicks + 10);
});
