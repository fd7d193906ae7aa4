import type { ObservedReplica } from "@ropewalk/broker";
import { describe, expect, test } from "vitest";
import { MetadataVoters } from "./metadata-voters.ts";

/** Brokers, each with the voters that it knows; the later ones have applied more. */
function votersKnownBy(known: Readonly<Record<number, readonly number[]>>): MetadataVoters {
  const metadata = new MetadataVoters();
  for (const [brokerId, voters] of Object.entries(known)) {
    const replica: Partial<ObservedReplica> = {
      key: { groupId: 1, incarnation: 1 },
      appliedIndex: Number(brokerId),
      confState: { voters, votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false },
    };
    metadata.observe(Number(brokerId)).added(replica as ObservedReplica);
  }
  return metadata;
}

describe("MetadataVoters", () => {
  test("MetadataVoters.spare() any broker where two others of three vote", () => {
    const metadata = votersKnownBy({ 1: [1, 2, 3], 2: [1, 2, 3], 3: [1, 2, 3] });
    expect(metadata.spare(2)).toBe(true);
  });

  test("MetadataVoters.spare() none of two voters, as whoever has applied most knows them", () => {
    const metadata = votersKnownBy({ 1: [1, 2, 3], 2: [1, 2], 3: [1, 2] });
    expect(metadata.spare(2)).toBe(false);
    expect(metadata.spare(3)).toBe(true);
  });

  test("MetadataVoters.spare() none where another voter has nothing on its disk", () => {
    const metadata = votersKnownBy({ 1: [1, 2, 3], 2: [1, 2, 3], 3: [1, 2, 3] });
    metadata.forget(1);
    expect(metadata.spare(2)).toBe(false);
    expect(metadata.spare(1)).toBe(true);
  });

  test("MetadataVoters.spare() any broker where no cluster has formed", () => {
    expect(new MetadataVoters().spare(1)).toBe(true);
  });
});
