import { expect, test } from "vitest";
import { placePartitions, type PlacementCandidate } from "./placement.ts";

const broker = (
  brokerId: number,
  rack = "",
  alive = true,
  replicaCount = 0,
): PlacementCandidate => ({
  brokerId,
  rack,
  alive,
  replicaCount,
});

test("placePartitions() gives every partition different brokers", () => {
  const placements = placePartitions([broker(1), broker(2), broker(3)], 6, 3);
  for (const replicas of placements) expect(new Set(replicas).size).toBe(3);
});

test("placePartitions() spreads the leads evenly", () => {
  const leads = placePartitions([broker(1), broker(2), broker(3)], 6, 3).map(([lead]) => lead);
  expect(leads.toSorted((a = 0, b = 0) => a - b)).toEqual([1, 1, 2, 2, 3, 3]);
});

test("placePartitions() never uses a rack twice while another is free", () => {
  const candidates = [broker(1, "a"), broker(2, "a"), broker(3, "b"), broker(4, "c")];
  for (const replicas of placePartitions(candidates, 8, 3)) {
    const racks = replicas.map((id) => candidates.find((c) => c.brokerId === id)?.rack);
    expect(new Set(racks).size).toBe(3);
  }
});

test("placePartitions() prefers living brokers, and lets them lead", () => {
  const [replicas] = placePartitions([broker(1, "", false), broker(2), broker(3), broker(4)], 1, 3);
  expect(replicas).not.toContain(1);
  const [short] = placePartitions([broker(1, "", false), broker(2)], 1, 2);
  expect(short).toEqual([2, 1]);
});

test("placePartitions() evens out the replicas that brokers hold already", () => {
  const [replicas] = placePartitions([broker(1, "", true, 9), broker(2), broker(3)], 1, 2);
  expect(replicas?.toSorted((a, b) => a - b)).toEqual([2, 3]);
});
