import { describe, expect, test } from "vitest";
import {
  jointCommittedIndex,
  jointVoteResult,
} from "../../../packages/raft-ts/src/quorum/joint.ts";
import type { JointVoters } from "../../../packages/raft-ts/src/quorum/joint.ts";
import type { Directive } from "./datadriven.ts";
import { argumentValues } from "./datadriven.ts";
import { hasTestdata, loadPack, skipReason } from "./testdata.ts";

describe.skipIf(!hasTestdata)("etcd/raft quorum pack", () => {
  for (const file of loadPack("quorum")) {
    test(file.name, () => {
      for (const directive of file.directives) {
        expect(run(directive), `line ${directive.line}`).toBe(directive.expected);
      }
    });
  }
});

if (!hasTestdata) test.skip(skipReason, () => {});

function run(directive: Directive): string {
  const voters = (argumentValues(directive, "cfg") ?? []).map(Number);
  const second = argumentValues(directive, "cfgj");
  const isJoint = second !== undefined;
  const votersOutgoing = isJoint && second[0] !== "zero" ? second.map(Number) : [];
  const config = { voters: ascending(voters), votersOutgoing: ascending(votersOutgoing) };
  const ids = [...new Set([...voters, ...votersOutgoing])];
  if (directive.command === "vote") {
    const votes = votesOf(ids, argumentValues(directive, "votes") ?? []);
    checkVoteProperties(config, votes);
    return voteName(jointVoteResult(config, votes));
  }
  const acked = ackedOf(ids, argumentValues(directive, "idx") ?? []);
  checkCommitProperties(config, acked);
  const index = jointCommittedIndex(config, { ackedIndex: (id) => acked.get(id) });
  const empty = config.voters.length + config.votersOutgoing.length === 0;
  // The upstream table has no line end when there are no voters.
  return `${drawTable(config, acked)}${empty ? "" : "\n"}${indexName(index)}`;
}

function ascending(ids: readonly number[]): number[] {
  return ids.toSorted((left, right) => left - right);
}

function votesOf(ids: readonly number[], values: readonly string[]): Map<number, boolean> {
  const votes = new Map<number, boolean>();
  ids.forEach((id, position) => {
    const value = values[position];
    if (value === "y" || value === "n") votes.set(id, value === "y");
  });
  return votes;
}

function ackedOf(ids: readonly number[], values: readonly string[]): Map<number, number> {
  const acked = new Map<number, number>();
  ids.forEach((id, position) => {
    const value = values[position];
    if (value !== undefined && value !== "_") acked.set(id, Number(value));
  });
  return acked;
}

/** Exchanging the halves changes nothing, and a majority joined with nothing or itself is that majority. */
function checkVoteProperties(config: JointVoters, votes: ReadonlyMap<number, boolean>): void {
  const result = jointVoteResult(config, votes);
  const swapped = { voters: config.votersOutgoing, votersOutgoing: config.voters };
  expect(jointVoteResult(swapped, votes)).toBe(result);
  if (config.votersOutgoing.length > 0) return;
  const doubled = { voters: config.voters, votersOutgoing: config.voters };
  expect(jointVoteResult(doubled, votes)).toBe(result);
}

function checkCommitProperties(config: JointVoters, acked: ReadonlyMap<number, number>): void {
  const lookup = { ackedIndex: (id: number): number | undefined => acked.get(id) };
  const result = jointCommittedIndex(config, lookup);
  const swapped = { voters: config.votersOutgoing, votersOutgoing: config.voters };
  expect(jointCommittedIndex(swapped, lookup)).toBe(result);
  if (config.votersOutgoing.length > 0) return;
  expect(
    jointCommittedIndex({ voters: config.voters, votersOutgoing: config.voters }, lookup),
  ).toBe(result);
  expect(countedIndex(config.voters, acked)).toBe(result);
}

/** The same by counting: the highest index for which more than half of the voters are at or beyond it. */
function countedIndex(voters: readonly number[], acked: ReadonlyMap<number, number>): number {
  if (voters.length === 0) return Infinity;
  let best = 0;
  for (const index of acked.values()) {
    const count = voters.filter((id) => (acked.get(id) ?? 0) >= index).length;
    if (count * 2 > voters.length) best = Math.max(best, index);
  }
  return best;
}

function voteName(result: "won" | "lost" | "pending"): string {
  return { won: "VoteWon", lost: "VoteLost", pending: "VotePending" }[result];
}

function indexName(index: number): string {
  return index === Infinity ? "∞" : String(index);
}

/** A bar per voter, as long as the number of voters that are behind it. */
function drawTable(config: JointVoters, acked: ReadonlyMap<number, number>): string {
  const ids = ascending([...new Set([...config.voters, ...config.votersOutgoing])]);
  if (ids.length === 0) return "<empty majority quorum>";
  const order = ids.toSorted(
    (left, right) => (acked.get(left) ?? 0) - (acked.get(right) ?? 0) || left - right,
  );
  const lines = [`${" ".repeat(ids.length)}    idx`];
  for (const id of ids) {
    const index = acked.get(id);
    const behind = barLength(order, acked, id);
    const bar =
      index === undefined
        ? `?${" ".repeat(ids.length)}`
        : `${"x".repeat(behind)}>${" ".repeat(ids.length - behind)}`;
    lines.push(`${bar} ${String(index ?? 0).padStart(5)}    (id=${id})`);
  }
  return lines.join("\n");
}

function barLength(
  order: readonly number[],
  acked: ReadonlyMap<number, number>,
  id: number,
): number {
  const index = acked.get(id) ?? 0;
  return order.findIndex((other) => (acked.get(other) ?? 0) === index);
}
