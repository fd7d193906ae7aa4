import { nodeRuntime } from "@ropewalk/runtime/node";
import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import type { MetadataCommand } from "./metadata-command.ts";
import { MetadataImage } from "./metadata-image.ts";
import { MoveScheduler, nextMoves } from "./move-scheduler.ts";

const { logger } = nodeRuntime({ log: { level: "silent" } });

/** A topic of so many partitions, the first `wantedCount` of which are to move. */
function imageOf(partitionCount: number, wantedCount: number): MetadataImage {
  const image = new MetadataImage();
  const partitions = Array.from({ length: partitionCount }, () => ({ replicaIds: [1] }));
  const topic = { name: "t", topicId: "t", internal: false, configs: new Map(), partitions };
  image.apply({ kind: "topicCreated", ...topic }, 1);
  const created = image.topics.get("t")?.partitions ?? [];
  const assignments = created.slice(0, wantedCount).map(({ groupId, partition }) => ({
    topic: "t",
    partition,
    groupId,
    targetIds: [2],
  }));
  image.apply({ kind: "partitionsReassigned", assignments }, 2);
  return image;
}

function begin(image: MetadataImage, atOnceMax: number, index: number): number[] {
  const partitions = nextMoves(image.topics.values(), atOnceMax);
  const command: MetadataCommand = { kind: "movesStarted", partitions };
  image.apply(command, index);
  return partitions.map(({ partition }) => partition);
}

test("nextMoves() lets so many partitions move at once, and the next when one is done", () => {
  const image = imageOf(5, 4);
  expect(begin(image, 2, 3)).toEqual([0, 1]);
  expect(begin(image, 2, 4)).toEqual([]);
  const groupId = image.topics.get("t")?.partitions[0]?.groupId ?? 0;
  const done = { topic: "t", partition: 0, groupId, assignmentId: 3 };
  image.apply({ kind: "moveCompleted", ...done }, 5);
  expect(begin(image, 2, 6)).toEqual([2]);
});

test("nextMoves() begins nothing where nothing waits", () => {
  expect(begin(imageOf(3, 0), 2, 3)).toEqual([]);
});

test("MoveScheduler begins what waits though the partition that it had chosen was given up meanwhile", async () => {
  const image = imageOf(2, 2);
  const clock = new SimulatedClock();
  const proposed = Promise.withResolvers<void>();
  let index = 3;
  const scheduler = new MoveScheduler({
    clock,
    logger,
    topics: () => image.topics.values(),
    movesAtOnceMax: 1,
    isLeading: () => true,
    propose: async (_action, command) => {
      await proposed.promise;
      return image.apply(command, ++index);
    },
  });
  const states = (): (string | undefined)[] =>
    (image.topics.get("t")?.partitions ?? []).map(({ move }) => move?.state);
  scheduler.check();
  await clock.run(10);
  const groupId = image.topics.get("t")?.partitions[0]?.groupId ?? 0;
  const given = { topic: "t", partition: 0, groupId, targetIds: [] };
  image.apply({ kind: "partitionsReassigned", assignments: [given] }, ++index);
  scheduler.check();
  await clock.run(10);
  proposed.resolve();
  await clock.run(1000);
  expect(states()).toEqual([undefined, "moving"]);
  scheduler.stop();
});
