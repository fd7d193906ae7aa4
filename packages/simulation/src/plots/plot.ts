import type { FaultKind } from "../nemesis/fault-kind.ts";
import { lateMessages } from "./late-messages.ts";
import { loneLeader } from "./lone-leader.ts";
import { newcomersVote } from "./newcomers-vote.ts";
import type { PlotScene } from "./plot-scene.ts";
import { staleLeader } from "./stale-leader.ts";

/** Histories that take several faults and moves in one order, which chance alone hardly ever brings about. */
export const plotKinds = [
  "late messages",
  "lone leader",
  "newcomer's vote",
  "stale leader",
] as const;

/** One of them. */
export type PlotKind = (typeof plotKinds)[number];

/** Leads to its history, step by step, where the cluster is as it has to be; what it has harmed is mended afterwards. */
export type Plot = (scene: PlotScene) => Promise<void>;

export const plots: Readonly<Record<PlotKind, Plot>> = {
  "late messages": lateMessages,
  "lone leader": loneLeader,
  "newcomer's vote": newcomersVote,
  "stale leader": staleLeader,
};

/** The harm that plots do: where it is not wanted, there are none. */
export const plotFaults: readonly FaultKind[] = ["kill", "partition", "cut link"];

/** The brokers that one of the plots needs: a majority without two of them, and one that stands in. */
export const brokersOfNewcomer = 5;

/** How soon leadership goes back to where it is meant to be, so that it does so within a run. */
export const leaderBalanceMs = 1000;
