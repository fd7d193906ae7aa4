import type { Admin, PartitionOffsets } from "@ropewalk/client";
import { RopewalkError } from "@ropewalk/protocol";
import { expect, test } from "vitest";

import { withOffsets } from "./topic-offsets.ts";

const topic = {
  name: "orders",
  topicId: "id",
  internal: false,
  configs: {},
  partitions: [1, 0].map((leaderId, partition) => ({
    partition,
    leaderId,
    leaderEpoch: 1,
    replicaIds: [1],
  })),
};

function clientThat(listOffsets: Admin["listOffsets"]) {
  return { admin: () => ({ listOffsets }) as Admin };
}

test("withOffsets() asks for partitions that have a leader", async () => {
  const client = clientThat(async (_topic, _at, partitions = []) =>
    partitions.map((partition): PartitionOffsets => ({
      partition,
      offset: 3,
      logStartOffset: 3,
      highWatermark: 9,
    })),
  );
  expect(await withOffsets(client, topic)).toMatchObject([
    { partition: 0, leaderId: 1, startOffset: 3, endOffset: 9 },
    { partition: 1, leaderId: 0, startOffset: null, endOffset: null },
  ]);
});

test("withOffsets() leaves offsets open where leaders do not answer", async () => {
  const client = clientThat(() => Promise.reject(new RopewalkError("NOT_LEADER", "moved")));
  const offsets = (await withOffsets(client, topic)).map(({ startOffset }) => startOffset);
  expect(offsets).toEqual([null, null]);
});
