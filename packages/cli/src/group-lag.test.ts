import type { GroupDescription, PartitionOffsets } from "@ropewalk/client";
import { RopewalkError } from "@ropewalk/protocol";
import { expect, test } from "vitest";

import { describeGroupLag } from "./group-lag.ts";

const group: GroupDescription = {
  groupId: "g",
  state: "STABLE",
  groupEpoch: 1,
  coordinatorId: 1,
  members: [
    {
      memberId: "m",
      clientId: "c",
      memberEpoch: 1,
      assignment: [{ topic: "orders", partitions: [0, 1] }],
    },
  ],
  offsets: [
    { topic: "orders", partition: 1, committedOffset: 4, endOffset: null, lag: null },
    { topic: "gone", partition: 0, committedOffset: 9, endOffset: null, lag: null },
  ],
};

test("describeGroupLag() adds the ends, and the partitions without a committed offset", async () => {
  const admin = {
    describeGroup: (): Promise<GroupDescription> => Promise.resolve(group),
    listOffsets: (topic: string): Promise<PartitionOffsets[]> => {
      if (topic === "gone")
        return Promise.reject(new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", "gone"));
      const end = (partition: number, highWatermark: number): PartitionOffsets => ({
        partition,
        offset: highWatermark,
        highWatermark,
        logStartOffset: 0,
      });
      return Promise.resolve([end(0, 7), end(1, 10)]);
    },
  };
  expect((await describeGroupLag(admin, "g")).offsets).toEqual([
    { topic: "gone", partition: 0, committedOffset: 9, endOffset: null, lag: null },
    { topic: "orders", partition: 0, committedOffset: null, endOffset: 7, lag: null },
    { topic: "orders", partition: 1, committedOffset: 4, endOffset: 10, lag: 6 },
  ]);
});
